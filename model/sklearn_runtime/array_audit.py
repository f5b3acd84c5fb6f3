"""Checks the arrays that compiled code follows without looking: an index out of range would crash, or read, anything.

scikit-learn's trees and neighbour trees are walked in C by the indices they hold. A file may hold any; skops's own
documentation of Tree says so (skops 0.16, io/exceptions.py). tree_audit has the checks of what is compiled itself;
here, and in the modules beside it, are those of the estimators that hand their arrays to such code.
"""

from typing import Any

import numpy as np

from model.errors import BundleCorrupt
from model.sklearn_runtime.encoding_audit import codes_fit, hashes_fit, words_fit
from model.sklearn_runtime.estimator_walk import is_compiled, walk
from model.sklearn_runtime.svm_audit import support_fits
from model.sklearn_runtime.tree_audit import CHECKS, below


def audit_arrays(estimator: Any) -> None:
    """Check everything compiled in an estimator; raises BundleCorrupt."""
    for part, owner in walk(estimator):
        name = type(part).__name__
        try:
            sound = CHECKS[name](part, owner) if is_compiled(part) else _sound(part)
        except MemoryError:
            raise
        except Exception as error:  # whatever a malformed state does to the checks, it is not sound
            raise BundleCorrupt(f"the model file holds a {name} that is malformed ({type(error).__name__}).") from error
        if not sound:
            raise BundleCorrupt(f"the model file holds a {name} with indices or shapes out of range.")


def _sound(part: Any) -> bool:
    """Check what an estimator hands to compiled code itself."""
    return all(
        check(part)
        for attribute, check in (
            ("estimators_", _members_fit),
            ("_fit_X", _memory_fits),
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
    """Ensembles hand their rows to their trees unchecked: each tree must take as many features as it will be given."""
    members = [each for each in np.ravel(np.asarray(ensemble.estimators_, dtype=object)) if hasattr(each, "tree_")]
    features = getattr(ensemble, "estimators_features_", getattr(ensemble, "_estimators_features", None))
    if not members:
        return True
    given = [ensemble.n_features_in_] * len(members) if features is None else [len(each) for each in features]
    if not all(each.tree_.n_features <= count for each, count in zip(members, given, strict=True)):
        return False
    if "GradientBoosting" not in type(ensemble).__name__:
        return True
    # Each stage adds one number for each column, in compiled code that counts neither.
    columns = len(getattr(ensemble, "classes_", ())) if len(getattr(ensemble, "classes_", ())) > 2 else 1
    stages = np.asarray(ensemble.estimators_, dtype=object)
    return stages.shape[1:] == (columns,) and all(each.tree_.value.shape[1:] == (1, 1) for each in members)


def _memory_fits(neighbours: Any) -> bool:
    """Neighbours are looked up among the rows of the fit, and their labels counted by compiled code."""
    rows, labels = neighbours._fit_X, getattr(neighbours, "_y", None)
    distance = getattr(neighbours, "effective_metric_", "")
    if rows.ndim != 2 or rows.shape[1] != neighbours.n_features_in_ or not rows.shape[0]:
        return False
    if not isinstance(distance, str) and not callable(distance):  # a compiled one, which would be believed its arrays
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
    """Centres are multiplied with rows, of which each has a number for each feature."""
    centres = getattr(clusters, "cluster_centers_", None)
    return centres is None or bool(centres.ndim == 2 and len(centres) and centres.shape[1] == clusters.n_features_in_)


def _halves_fit(clusters: Any) -> bool:
    """So are those of the two halves of each cluster."""
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
    """Rows that come from encoding the categories are handed on unchecked: there must be as many columns as before."""
    columns = boosting._preprocessor
    if columns is None:
        return True
    given = columns._transformer_to_input_indices
    kept = [(name, step) for name, step, _ in columns.transformers_ if step != "drop"]
    return sum(len(given[name]) for name, _ in kept) == boosting.n_features_in_ and all(
        type(step).__name__ == "OrdinalEncoder" or step.func.func.__name__ == "check_array" for _, step in kept
    )


def _pools_fit(pools: Any) -> bool:
    """Say whether there are no more pools than features: memory is taken for as many as the highest number says."""
    return pools.labels_.shape == (pools.n_features_in_,) and below(pools.labels_, pools.n_features_in_)
