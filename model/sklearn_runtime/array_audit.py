"""Checks arrays that compiled code uses without bounds checks: a bad index would crash it, or read any memory.

scikit-learn walks trees and neighbour trees in C by the indices that they contain, and a file may contain any index
(skops 0.16 says so of Tree, io/exceptions.py). tree_audit checks the compiled objects themselves, this module the
estimators that pass arrays to compiled code.
"""

from typing import Any

import numpy as np

from model.errors import BundleCorrupt
from model.sklearn_runtime.encoding_audit import codes_fit, hashes_fit, words_fit
from model.sklearn_runtime.estimator_walk import is_compiled, walk
from model.sklearn_runtime.svm_audit import support_fits
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
            ("_n_support", support_fits),
            ("_n_threads", _centres_fit),
            ("_bisecting_tree", _halves_fit),
            ("_bin_mapper", _columns_kept),
            ("pooling_func", _pools_fit),
            ("alternate_sign", hashes_fit),
            ("vocabulary_", words_fit),
            ("_n_features_outs", codes_fit),
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
