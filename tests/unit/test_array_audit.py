"""Indices and shapes that compiled code trusts are checked before a model predicts."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.random_projection import SparseRandomProjection
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM
from sklearn.tree import DecisionTreeClassifier

from model.errors import BundleCorrupt
from model.loading import load
from model.packing.pack import pack
from model.sklearn_runtime import skops_io
from model.sklearn_runtime.array_audit import audit_arrays
from tests.bundles import replace_part

ROWS, LABELS = load_iris(return_X_y=True)


def broken_nodes(tree, **changes):
    """Return the tree with other values in its nodes, as a crafted file could have."""
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    for name, value in changes.items():
        nodes[name][0] = value
    tree.__setstate__({**state, "nodes": nodes})


@pytest.mark.parametrize("field", ["left_child", "right_child", "feature"])
@pytest.mark.parametrize("value", [10**6, -5, 0])
def test_a_tree_with_an_index_out_of_range_is_refused(field, value):
    """A tree with an index out of range, or a child that is its own parent, is refused before anything predicts."""
    estimator = RandomForestClassifier(3, random_state=0).fit(ROWS, LABELS)
    if (field, value) == ("feature", 0):
        value = 4  # the first feature that there is not
    broken_nodes(estimator.estimators_[1].tree_, **{field: value})

    with pytest.raises(BundleCorrupt, match="out of range"):
        audit_arrays(estimator)


@pytest.mark.parametrize("field", ["left", "right", "feature_idx"])
def test_a_boosted_tree_with_an_index_out_of_range_is_refused(field):
    """An index out of range is refused in the trees of histogram-based boosting, too."""
    estimator = HistGradientBoostingClassifier(max_iter=2).fit(ROWS, LABELS)
    estimator._predictors[1][0].nodes[field][0] = 10**6

    with pytest.raises(BundleCorrupt, match="out of range"):
        audit_arrays(estimator)


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
def test_a_neighbour_tree_with_an_index_out_of_range_is_refused(algorithm):
    """An index out of range is refused in the trees of nearest neighbours, too."""
    estimator = KNeighborsClassifier(algorithm=algorithm).fit(ROWS, LABELS)
    audit_arrays(estimator)
    state = list(estimator._tree.__getstate__())
    state[1] = state[1].copy()
    state[1][0] = 10**6
    estimator._tree.__setstate__(tuple(state))

    with pytest.raises(BundleCorrupt, match="out of range"):
        audit_arrays(estimator)


@pytest.mark.parametrize("ensemble", [RandomForestClassifier(2), GradientBoostingClassifier(n_estimators=2)])
def test_a_tree_that_takes_more_features_than_its_forest_gives_is_refused(ensemble):
    """A tree that takes more features than its forest passes on is refused: the forest does not check."""
    wide = DecisionTreeClassifier().fit(np.c_[np.zeros_like(ROWS), ROWS], LABELS)
    ensemble.fit(ROWS, LABELS)
    members = np.ravel(np.asarray(ensemble.estimators_, dtype=object))
    members[0].tree_, members[0].n_features_in_ = wide.tree_, 8

    with pytest.raises(BundleCorrupt, match="shapes out of range"):
        audit_arrays(ensemble)


def test_a_crafted_skops_file_is_refused_and_crashes_nothing(tmp_path):
    """A bundle with right digests is refused if a node of its forest points out of its array."""
    estimator = RandomForestClassifier(3, random_state=0).fit(ROWS, LABELS)
    pack(estimator, tmp_path / "bundle", name="test", data=ROWS)
    broken_nodes(estimator.estimators_[0].tree_, left_child=10**9)
    content = skops_io.skops.io.dumps(estimator)
    replace_part(tmp_path / "bundle", "skops", content)

    with pytest.raises(BundleCorrupt, match="Tree with indices"):
        load(tmp_path / "bundle", compiled=False)


def bad_support(change):
    def craft():
        machine = SVC().fit(ROWS, LABELS)
        change(machine)
        return machine

    return craft


def bad_sparse_support(change, machine=None):
    def craft():
        found = (machine or SVC()).fit(csr_matrix(ROWS), LABELS)
        audit_arrays(found)
        change(found)
        return found

    return craft


def shortened(machine):
    """Drop the last weight, and say of the others that they are all."""
    weights = machine._dual_coef_
    machine._dual_coef_ = csr_matrix(
        (weights.data[:-1], weights.indices[:-1], [*weights.indptr[:-1], 0]), weights.shape
    )
    machine._dual_coef_.indptr[-1] = len(weights.data) - 1


def bad_sparse_memory():
    neighbours = KNeighborsClassifier().fit(csr_matrix(ROWS), LABELS)
    audit_arrays(neighbours)
    neighbours._fit_X.indices[0] = 10**6
    return neighbours


def bad_labels():
    neighbours = KNeighborsClassifier(algorithm="brute", metric="manhattan").fit(ROWS, LABELS)
    neighbours._y = np.full(len(ROWS), 10**9)
    return neighbours


def bad_stages():
    boosting = GradientBoostingClassifier(n_estimators=2).fit(ROWS, LABELS)
    boosting.estimators_ = np.hstack([boosting.estimators_] * 50)
    return boosting


def shared_tree():
    """Make a forest of whose trees one is first seen in an estimator that it does fit."""
    wide = DecisionTreeClassifier().fit(np.c_[np.zeros_like(ROWS), ROWS], LABELS)
    forest = RandomForestClassifier(2).fit(ROWS, LABELS)
    forest.estimators_[0].tree_ = wide.tree_
    vars(forest).update({"aaa": wide, **{name: vars(forest).pop(name) for name in list(vars(forest))}})
    return forest


def bad_sparse():
    projection = SparseRandomProjection(2, random_state=0).fit(ROWS)
    projection.components_.indices[0] = 10**6
    return projection


CRAFTED = {
    "a sparse matrix": bad_sparse,
    "support counts": bad_support(lambda machine: setattr(machine, "_n_support", np.full(200_000, 1, dtype=np.int32))),
    "negative support": bad_support(
        lambda machine: setattr(machine, "_n_support", np.array([2**31 - 1, 1, -5], np.int32))
    ),
    "support counts that do not add up": bad_support(
        lambda machine: setattr(machine, "_n_support", np.array([len(machine.support_vectors_), 10**6, 0], np.int32))
    ),
    "no intercept": bad_support(lambda machine: setattr(machine, "_intercept_", np.array([]))),
    "weights": bad_support(lambda machine: setattr(machine, "_dual_coef_", machine._dual_coef_[:, :3])),
    "vectors": bad_support(lambda machine: setattr(machine, "support_vectors_", machine.support_vectors_[:, :1])),
    "places of support": bad_support(lambda machine: machine.support_.fill(10**9)),
    "another machine": bad_support(lambda machine: setattr(machine, "_impl", "nu_svr")),
    "half of the chances": bad_support(lambda machine: setattr(machine, "_probA", np.zeros(3))),
    "sparse support counts": bad_sparse_support(lambda machine: machine._n_support.fill(10**6)),
    "sparse support counts that do not add up": bad_sparse_support(
        lambda machine: setattr(machine, "_n_support", np.array([-5, 10, 10**6], np.int32))
    ),
    "sparse support of fewer rows": bad_sparse_support(
        lambda machine: setattr(machine, "support_vectors_", machine.support_vectors_[:3])
    ),
    "sparse support whose shape lies": bad_sparse_support(
        lambda machine: setattr(machine.support_vectors_, "_shape", (10**6, ROWS.shape[1]))
    ),
    "sparse support with a column out of range": bad_sparse_support(
        lambda machine: machine.support_vectors_.indices.fill(-7)
    ),
    "sparse support whose rows end out of range": bad_sparse_support(
        lambda machine: machine.support_vectors_.indptr.__setitem__(-1, 10**8)
    ),
    "sparse support by columns": bad_sparse_support(
        lambda machine: setattr(machine, "support_vectors_", machine.support_vectors_.tocsc())
    ),
    "sparse weights that are not there": bad_sparse_support(shortened),
    "sparse chances that are not there": bad_sparse_support(
        lambda machine: setattr(machine, "_effective_probability", True)
    ),
    "a sparse kernel that takes values for places": bad_sparse_support(
        lambda machine: setattr(machine, "kernel", "precomputed")
    ),
    "sparse weights of regression": bad_sparse_support(shortened, SVR()),
    "dense support of a sparse machine": bad_sparse_support(
        lambda machine: setattr(machine, "support_vectors_", machine.support_vectors_.toarray())
    ),
    "sparse support of a dense machine": bad_sparse_support(lambda machine: setattr(machine, "_sparse", False)),
    "sparse rows of neighbours": bad_sparse_memory,
    "neighbours' labels": bad_labels,
    "stages of boosting": bad_stages,
    "a shared tree": shared_tree,
}


@pytest.mark.parametrize("name", CRAFTED)
def test_other_arrays_that_compiled_code_believes_are_checked_too(name):
    """Any change that could crash a prediction, or read memory outside the model, is refused."""
    crafted = CRAFTED[name]()

    with pytest.raises(BundleCorrupt, match=r"out of range|malformed"):
        audit_arrays(crafted)


@pytest.mark.parametrize("machine", [SVC(), NuSVC(nu=0.1), SVR(), NuSVR(), OneClassSVM(), KNeighborsClassifier()])
def test_a_model_of_texts_may_hold_its_support_or_its_rows_sparsely(tmp_path, machine):
    """Models behind a vectoriser pass the audit with their sparse support vectors or rows."""
    texts = ["good phone", "bad battery", "great screen", "awful thing"] * 10
    estimator = make_pipeline(TfidfVectorizer(), machine).fit(texts, [1, 0] * 20)

    loaded = pack(estimator, tmp_path / "bundle", name="test", data=texts)

    assert "text" == loaded.manifest.signature.layout
