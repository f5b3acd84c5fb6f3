"""Checks arrays that compiled code uses without bounds checks: a bad index would crash it, or read any memory.

scikit-learn walks trees and neighbour trees in C by the indices that they contain, and a file may contain any index
(skops 0.16 says so of Tree, io/exceptions.py). tree_audit checks the compiled objects themselves, this module the
estimators that pass arrays to compiled code.
"""

from typing import Any

import numpy as np

from model.errors import BundleCorrupt
from model.sklearn_runtime.estimator_walk import is_compiled, walk
from model.sklearn_runtime.tree_audit import CHECKS, below


def audit_arrays(estimator: Any) -> None:
    """Check all arrays that compiled code will read from an estimator; raises BundleCorrupt."""
    for part, owner in walk(estimator):
        name = type(part).__name__
        try:
            sound = CHECKS[name](part, owner) if is_compiled(part) else _is_sound(part)
        except MemoryError:
            raise
        except Exception as error:  # a malformed state may make the checks raise anything
            raise BundleCorrupt(f"the model file contains a malformed {name} ({type(error).__name__}).") from error
        if not sound:
            raise BundleCorrupt(f"the model file contains a {name} with indices or shapes out of range.")


def _is_sound(part: Any) -> bool:
    """Return whether what an estimator itself passes to compiled code is sound."""
    return all(
        check(part)
        for attribute, check in (
            ("estimators_", _members_fit),
            ("_fit_X", _neighbours_fit),
            ("_n_support", _support_fits),
            ("_n_threads", _centres_fit),
            ("_bisecting_tree", _halves_fit),
            ("_bin_mapper", _columns_kept),
            ("pooling_func", _pools_fit),
            ("alternate_sign", _hashes_fit),
            ("vocabulary_", _words_fit),
            ("_n_features_outs", _codes_fit),
        )
        if hasattr(part, attribute)
    )


def _members_fit(ensemble: Any) -> bool:
    """Ensembles pass rows to their trees unchecked: no tree may take more features than it will be given."""
    held = ensemble.estimators_  # a pipeline or an ensemble among them is a sequence too, and no row of an array
    members = [each for each in (held.flat if isinstance(held, np.ndarray) else held) if hasattr(each, "tree_")]
    features = getattr(ensemble, "estimators_features_", getattr(ensemble, "_estimators_features", None))
    if not members:
        return True
    given = [ensemble.n_features_in_] * len(members) if features is None else [len(each) for each in features]
    if not all(each.tree_.n_features <= count for each, count in zip(members, given, strict=True)):
        return False
    if "GradientBoosting" not in type(ensemble).__name__:
        return True
    # Each stage adds one number per column, in compiled code that checks neither count.
    columns = len(getattr(ensemble, "classes_", ())) if len(getattr(ensemble, "classes_", ())) > 2 else 1
    stages = np.asarray(ensemble.estimators_, dtype=object)
    return stages.shape[1:] == (columns,) and all(each.tree_.value.shape[1:] == (1, 1) for each in members)


def _neighbours_fit(neighbours: Any) -> bool:
    """Compiled code looks neighbours up among the fitted rows, and counts their labels."""
    rows, labels = neighbours._fit_X, getattr(neighbours, "_y", None)
    distance = getattr(neighbours, "effective_metric_", "")
    if rows.ndim != 2 or rows.shape[1] != neighbours.n_features_in_ or not rows.shape[0]:
        return False
    if not isinstance(distance, str) and not callable(distance):  # a compiled distance, whose arrays would be trusted
        return False
    if getattr(neighbours, "n_samples_fit_", rows.shape[0]) != rows.shape[0]:  # the width of a graph of neighbours
        return False
    if labels is None or not hasattr(neighbours, "classes_"):
        return True
    several = isinstance(neighbours.classes_, list)
    columns = labels.reshape(len(labels), -1).T
    counts = [len(each) for each in neighbours.classes_] if several else [len(neighbours.classes_)]
    return len(labels) == rows.shape[0] and all(map(below, columns, counts))


def _centres_fit(clusters: Any) -> bool:
    """Return whether centres have as many numbers as rows, with which they are multiplied."""
    centres = getattr(clusters, "cluster_centers_", None)
    return centres is None or bool(centres.ndim == 2 and len(centres) and centres.shape[1] == clusters.n_features_in_)


def _halves_fit(clusters: Any) -> bool:
    """Return whether the centres of both halves of each cluster have as many numbers as rows."""
    nodes = [clusters._bisecting_tree]
    while nodes:
        node = nodes.pop()
        if node.left is not None:
            halves = [node.left, node.right]
            if not all(half.center.shape == (clusters.n_features_in_,) for half in halves):
                return False
            nodes += halves
    return True


def _columns_kept(boosting: Any) -> bool:
    """Return whether encoding categories keeps the number of columns: the result is passed on unchecked."""
    columns = getattr(boosting, "_preprocessor", None)  # since scikit-learn 1.4
    if columns is None:
        return True
    given = columns._transformer_to_input_indices
    kept = [(name, step) for name, step, _ in columns.transformers_ if step != "drop"]
    return sum(len(given[name]) for name, _ in kept) == boosting.n_features_in_ and all(
        type(step).__name__ == "OrdinalEncoder" or step.func.func.__name__ == "check_array" for _, step in kept
    )


def _pools_fit(pools: Any) -> bool:
    """Return whether there are at most as many pools as features: memory is allocated for the highest pool number."""
    return pools.labels_.shape == (pools.n_features_in_,) and below(pools.labels_, pools.n_features_in_)


def _words_fit(counter: Any) -> bool:
    """Return whether each word's column exists."""
    columns = counter.vocabulary_
    return below(np.fromiter(columns.values(), np.int64), len(columns))


def _codes_fit(encoder: Any) -> bool:
    """Return whether each category's column exists; a feature's columns follow those of the previous feature."""
    grouped = encoder._infrequent_enabled
    nothing = [None] * len(encoder.categories_)
    rare = encoder._infrequent_indices if grouped else nothing
    mappings = encoder._default_to_infrequent_mappings if grouped else nothing
    dropped = nothing if encoder._drop_idx_after_grouping is None else encoder._drop_idx_after_grouping
    if encoder._n_features_outs != encoder._compute_n_features_outs():
        return False
    for categories, few, mapping, drop in zip(encoder.categories_, rare, mappings, dropped, strict=True):
        count = len(categories) if few is None else len(categories) - len(few) + 1
        if (
            not _increasing(categories)
            or (few is None) != (mapping is None)
            or (drop is not None and not 0 <= drop < count)
        ):
            return False
        if few is not None and not (
            len(few) and len(mapping) == len(categories) and below(few, len(mapping)) and below(mapping, count)
        ):
            return False
    return True


def _increasing(categories: Any) -> bool:
    """Return whether categories, except strings, are sorted, missing ones last: they are looked up by bisection."""
    if categories.dtype.kind in "OUS":
        return True
    there = categories[categories == categories]  # noqa: PLR0124  # NaN and NaT are not equal to themselves
    missing = categories[len(there) :]
    return bool((there[1:] > there[:-1]).all() and (missing != missing).all())  # noqa: PLR0124


def _hashes_fit(hasher: Any) -> bool:
    """Return whether there is at least one column: hashes are taken modulo the number of columns."""
    return not hasattr(hasher, "n_features") or hasher.n_features > 0


def _support_fits(machine: Any) -> bool:
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
