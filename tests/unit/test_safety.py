"""Nothing that a file holds runs, and nothing that it claims is followed, unless the operator vouched for it."""

import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import zipfile

import joblib
import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.random_projection import SparseRandomProjection
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from model import loading, serialisation
from model.audit import audit
from model.bundle import digest_of
from model.errors import BundleCorrupt, ModelError, PickleRefused, UntrustedType
from model.loading import Trust, load, prove
from model.packing import pack
from tests.conftest import ROOT

ROWS, LABELS = load_iris(return_X_y=True)


class Payload:
    """A pickle that leaves a file behind when it is loaded."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return os.mkdir, (str(self.canary),)


@pytest.fixture
def canary(tmp_path):
    return tmp_path / "the payload ran"


@pytest.fixture
def malicious(iris_bundle, tmp_path, canary):
    """Make a bundle whose model is a payload, in whatever container, with right digests; return it and its pin."""

    def make(content, name="model.joblib", *, right_digest=True):
        bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
        (bundle / "model.skops").unlink()
        (bundle / name).write_bytes(content)
        manifest = json.loads((bundle / "manifest.json").read_text())
        digest = digest_of(content) if right_digest else "0" * 64
        manifest["files"] = {name: {"bytes": len(content), "sha256": digest}}
        (bundle / "manifest.json").write_text(json.dumps(manifest))
        return bundle, digest_of((bundle / "manifest.json").read_bytes())

    return make


def inside_joblib(payload):
    file = io.BytesIO()
    joblib.dump({"model": payload}, file, compress=3)
    return file.getvalue()


def inside_skops(payload):
    """Make a zip as skops has it, with the pickle inside, whose schema asks for the callable."""
    schema = {
        "__class__": "mkdir",
        "__module__": "posix",
        "__loader__": "ReduceNode",
        "reduce": {"args": {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode",
                            "content": json.dumps(str(payload.canary)), "is_json": True}},
        "content": None,
        "protocol": 2,
        "_skops_version": "0.16.0",
    }  # fmt: skip
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps(schema))
        archive.writestr("payload.pkl", pickle.dumps(payload))
    return file.getvalue()


CONTAINERS = {
    "plain": (pickle.dumps, "model.joblib"),
    "joblib": (inside_joblib, "model.joblib"),
    "skops": (inside_skops, "model.skops"),
    "pickle named skops": (pickle.dumps, "model.skops"),
}


@pytest.mark.parametrize("right_digest", [True, False], ids=["right digest", "wrong digest"])
@pytest.mark.parametrize("container", CONTAINERS)
def test_a_malicious_model_never_runs_without_permission(malicious, canary, container, right_digest):
    """Not with a wrong digest, nor with a right one; and not with permission but no pin, or a pin but no permission."""
    wrap, name = CONTAINERS[container]
    bundle, pin = malicious(wrap(Payload(canary)), name, right_digest=right_digest)

    for trust in (Trust(), Trust(pickle=True), Trust(pin=pin)):
        with pytest.raises((PickleRefused, BundleCorrupt, UntrustedType)):
            load(bundle, trust)

    assert not canary.exists()


def test_permission_and_pin_together_run_a_pickle_and_no_skops_payload(malicious, canary):
    """That the test can fail: with both, a pickle is run. A skops file's types are audited all the same."""
    bundle, pin = malicious(inside_skops(Payload(canary)), "model.skops")
    with pytest.raises(ModelError):
        load(bundle, Trust(pin, pickle=True))
    assert not canary.exists()
    shutil.rmtree(bundle)

    bundle, pin = malicious(pickle.dumps(Payload(canary)))
    with pytest.raises(ModelError):
        load(bundle, Trust(pin, pickle=True))
    assert canary.exists()


def test_a_pickled_bundle_is_served_with_permission_and_pin_only(tmp_path):
    """What skops cannot hold is packed as a pickle if asked, and loads with its digest pinned."""
    estimator = make_pipeline(FunctionTransformer(np.asarray), LogisticRegression(max_iter=1000)).fit(ROWS, LABELS)
    loaded = pack(estimator, tmp_path / "bundle", name="test", data=ROWS, allow_pickle=True)

    assert "model.joblib" in loaded.manifest.files
    prove(load(tmp_path / "bundle", Trust(loaded.digest, pickle=True)))
    with pytest.raises(PickleRefused, match=f"ALLOW_PICKLE=1 and MODEL_SHA256={loaded.digest}"):
        load(tmp_path / "bundle")


OWN = """
from sklearn.base import BaseEstimator, TransformerMixin
class Doubler(TransformerMixin, BaseEstimator):
    def fit(self, rows, labels=None):
        self.n_features_in_ = rows.shape[1]
        return self
    def transform(self, rows):
        return rows * 2
"""
USE = """
import sys
sys.path.append(sys.argv[1])
from pathlib import Path
from own_code import Doubler
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from model.packing import pack
rows, labels = load_iris(return_X_y=True)
pack(make_pipeline(Doubler(), LogisticRegression(max_iter=1000)).fit(rows, labels), sys.argv[2], name="own",
     data=rows, code=Path(sys.argv[1]))
"""


def test_own_types_are_loaded_from_the_named_directory_only(tmp_path):
    """A custom transformer is a type like any other that is not trusted, until the operator names its directory."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "own_code.py").write_text(OWN)
    bundle = tmp_path / "bundle"
    subprocess.run([sys.executable, "-c", USE, str(code), str(bundle)], cwd=ROOT, check=True)

    with pytest.raises(UntrustedType, match=r"own_code\.Doubler.*MODEL_CODE"):
        load(bundle)
    prove(load(bundle, Trust(code=code)))


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
    """Before anything predicts: compiled code would follow it anywhere. A child that is its parent is a circle."""
    estimator = RandomForestClassifier(3, random_state=0).fit(ROWS, LABELS)
    if (field, value) == ("feature", 0):
        value = 4  # the first feature that there is not
    broken_nodes(estimator.estimators_[1].tree_, **{field: value})

    with pytest.raises(BundleCorrupt, match="out of range"):
        audit(estimator)


@pytest.mark.parametrize("field", ["left", "right", "feature_idx"])
def test_a_boosted_tree_with_an_index_out_of_range_is_refused(field):
    """The trees of histogram boosting are another kind of array, with the same danger."""
    estimator = HistGradientBoostingClassifier(max_iter=2).fit(ROWS, LABELS)
    estimator._predictors[1][0].nodes[field][0] = 10**6

    with pytest.raises(BundleCorrupt, match="out of range"):
        audit(estimator)


@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree"])
def test_a_neighbour_tree_with_an_index_out_of_range_is_refused(algorithm):
    """So are the trees that neighbours are looked up in."""
    estimator = KNeighborsClassifier(algorithm=algorithm).fit(ROWS, LABELS)
    audit(estimator)
    state = list(estimator._tree.__getstate__())
    state[1] = state[1].copy()
    state[1][0] = 10**6
    estimator._tree.__setstate__(tuple(state))

    with pytest.raises(BundleCorrupt, match="out of range"):
        audit(estimator)


@pytest.mark.parametrize("ensemble", [RandomForestClassifier(2), GradientBoostingClassifier(n_estimators=2)])
def test_a_tree_that_takes_more_features_than_its_forest_gives_is_refused(ensemble):
    """A forest hands its rows to its trees unchecked."""
    wide = DecisionTreeClassifier().fit(np.c_[np.zeros_like(ROWS), ROWS], LABELS)
    ensemble.fit(ROWS, LABELS)
    members = np.ravel(np.asarray(ensemble.estimators_, dtype=object))
    members[0].tree_, members[0].n_features_in_ = wide.tree_, 8

    with pytest.raises(BundleCorrupt, match="shapes out of range"):
        audit(ensemble)


def test_a_crafted_skops_file_is_refused_and_crashes_nothing(tmp_path):
    """From the file to the refusal: a forest whose node points out of its array, with every digest right."""
    estimator = RandomForestClassifier(3, random_state=0).fit(ROWS, LABELS)
    pack(estimator, tmp_path / "bundle", name="test", data=ROWS)
    broken_nodes(estimator.estimators_[0].tree_, left_child=10**9)
    content = serialisation.skops.io.dumps(estimator)
    (tmp_path / "bundle" / "model.skops").write_bytes(content)
    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    manifest["files"]["model.skops"] = {"bytes": len(content), "sha256": digest_of(content)}
    (tmp_path / "bundle" / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(BundleCorrupt, match="Tree with indices"):
        load(tmp_path / "bundle")


def crafted(schema):
    """Make a skops file of a schema and nothing else."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("schema.json", json.dumps({"protocol": 2, "_skops_version": "0.16.0", **schema}))
    return file.getvalue()


def text(value):
    return {"__class__": "str", "__module__": "builtins", "__loader__": "JsonNode", "content": json.dumps(value),
            "is_json": True}  # fmt: skip


@pytest.mark.parametrize("loader", ["LossNode", "ReduceNode", "ObjectNode", "FunctionNode", "MethodNode", "NewNode"])
@pytest.mark.parametrize("name", ["mkdir", "check_call"])
def test_what_the_operators_code_imports_is_not_its_own(tmp_path, canary, loader, name):
    """A file that asks for a function that own code imported, by a loader that would call it, gets nothing called."""
    code = tmp_path / "code"
    code.mkdir()
    module = f"own_{loader}_{name}"
    (code / f"{module}.py").write_text("from os import mkdir\nfrom subprocess import check_call\n")
    arguments = {
        "__class__": "tuple",
        "__module__": "builtins",
        "__loader__": "TupleNode",
        "content": [text(str(canary))],
    }
    schema = {"__class__": name, "__module__": module, "__loader__": loader, "__reduce__": {"args": arguments},
              "reduce": {"args": arguments}, "content": None}  # fmt: skip
    modules = loading.modules_in(code)

    with pytest.raises((UntrustedType, BundleCorrupt)):
        serialisation.from_skops(crafted(schema), modules)

    assert not canary.exists()


@pytest.mark.parametrize("loader", ["LossNode", "ReduceNode", "TreeNode", "ObjectNode"])
@pytest.mark.parametrize("name", ["sklearn.utils.validation.check_array", "functools.partial"])
def test_a_trusted_function_is_never_called_with_what_a_file_says(loader, name):
    """It may be referred to, where an estimator does; not built."""
    module, _, attribute = name.rpartition(".")
    arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [text("x")]}
    schema = {"__class__": attribute, "__module__": module, "__loader__": loader, "__reduce__": {"args": arguments}}

    if (loader, attribute) != ("ObjectNode", "partial"):  # an empty partial is not even that
        with pytest.raises(UntrustedType, match="is not trusted"):
            serialisation.from_skops(crafted(schema))
    else:
        with pytest.raises((UntrustedType, BundleCorrupt)):
            serialisation.from_skops(crafted(schema))


def test_a_file_that_expands_to_fill_the_memory_is_refused():
    """Its size when read is known before it is."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}" + " " * 50_000_000)

    with pytest.raises(BundleCorrupt, match="expands from"):
        serialisation.from_skops(file.getvalue())


def bad_support(change):
    def craft():
        machine = SVC().fit(ROWS, LABELS)
        change(machine)
        return machine

    return craft


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
    "no intercept": bad_support(lambda machine: setattr(machine, "_intercept_", np.array([]))),
    "weights": bad_support(lambda machine: setattr(machine, "_dual_coef_", machine._dual_coef_[:, :3])),
    "vectors": bad_support(lambda machine: setattr(machine, "support_vectors_", machine.support_vectors_[:, :1])),
    "neighbours' labels": bad_labels,
    "stages of boosting": bad_stages,
    "a shared tree": shared_tree,
}


@pytest.mark.parametrize("name", CRAFTED)
def test_other_arrays_that_compiled_code_believes_are_checked_too(name):
    """Each of these crashed the process when it predicted."""
    with pytest.raises(BundleCorrupt, match=r"out of range|malformed"):
        audit(CRAFTED[name]())
