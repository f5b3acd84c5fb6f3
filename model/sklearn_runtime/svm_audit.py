"""Checks the support vectors that estimators pass to libsvm."""

from typing import Any

import numpy as np

from model.sklearn_runtime.tree_audit import below


def support_fits(machine: Any) -> bool:
    """Return whether the counts that are passed to libsvm fit its arrays: it does not check them."""
    counts, vectors, weights = machine._n_support, machine.support_vectors_, machine._dual_coef_
    classifies = type(machine)._impl in ("c_svc", "nu_svc")  # regression and novelty detection do not use the counts
    classes, held = len(machine.classes_) if classifies else 2, vectors.shape[0]
    pairs = classes * (classes - 1) // 2
    chances = (len(getattr(machine, "_probA", ())), len(getattr(machine, "_probB", ())))
    certain = not getattr(machine, "_effective_probability", False)
    return (
        "_impl" not in vars(machine)
        and (_sparse_support_fits if machine._sparse else _dense_support_fits)(machine)
        and len(counts) == classes
        and (not classifies or (bool((counts >= 0).all()) and int(counts.astype(np.int64).sum()) == held))
        and vectors.shape[1:] == (machine.shape_fit_[1],)
        and weights.shape == (classes - 1, held)
        and machine._intercept_.shape == (pairs,)
        and len(machine.support_) == held
        and chances in ((pairs, pairs), (0, 0) if certain else (pairs, pairs))
        and machine.shape_fit_[1] in (machine.n_features_in_, machine.shape_fit_[0])
    )


def _dense_support_fits(machine: Any) -> bool:
    """Return whether indices of support vectors are in range: a precomputed kernel looks them up in each row."""
    arrays = isinstance(machine.support_vectors_, np.ndarray) and isinstance(machine._dual_coef_, np.ndarray)
    return arrays and below(machine.support_, machine.shape_fit_[0])


def _sparse_support_fits(machine: Any) -> bool:
    """Return whether no weight is left out, as libsvm assumes; with a precomputed kernel, values would be indices."""
    vectors, weights = machine.support_vectors_, machine._dual_coef_
    return (
        vectors.format == weights.format == "csr"
        and weights.data.shape == (weights.shape[0] * weights.shape[1],)
        and machine.kernel in ("linear", "poly", "rbf", "sigmoid")
    )
