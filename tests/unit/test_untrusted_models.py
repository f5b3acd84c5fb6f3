"""Untrusted model files: nothing in them runs unless the operator allowed it."""

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
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from model.bundle.manifest import digest_of
from model.bundle.trust import Trust, modules_in
from model.errors import BundleCorrupt, ModelError, PickleRefused, UntrustedType
from model.loading import load, verify
from model.packing.pack import pack
from model.sklearn_runtime import skops_io
from tests.bundles import part
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
        part(bundle, "skops").unlink()
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
    """A malicious model never runs unless the operator gave both permission and a pin."""
    wrap, name = CONTAINERS[container]
    bundle, pin = malicious(wrap(Payload(canary)), name, right_digest=right_digest)

    for trust in (Trust(), Trust(pickle=True), Trust(pin=pin)):
        with pytest.raises((PickleRefused, BundleCorrupt, UntrustedType)):
            load(bundle, trust)

    assert not canary.exists()


def test_permission_and_pin_together_run_a_pickle_and_no_skops_payload(malicious, canary):
    """With permission and pin a pickle runs (so the test above can fail), but a skops file is audited all the same."""
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
    """An estimator that skops cannot hold is packed as a pickle on request, and loads if its digest is pinned."""
    estimator = make_pipeline(FunctionTransformer(np.atleast_2d), LogisticRegression(max_iter=1000)).fit(ROWS, LABELS)
    loaded = pack(estimator, tmp_path / "bundle", name="test", data=ROWS, allow_pickle=True)

    assert ["joblib"] == loaded.manifest.kinds
    verify(load(tmp_path / "bundle", Trust(loaded.digest, pickle=True)))
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
from model.packing.pack import pack
rows, labels = load_iris(return_X_y=True)
pack(make_pipeline(Doubler(), LogisticRegression(max_iter=1000)).fit(rows, labels), sys.argv[2], name="own",
     data=rows, code=sys.argv[1])
"""


def test_own_types_are_loaded_from_the_named_directory_only(tmp_path):
    """A type of own code is trusted only if the operator names its directory."""
    code = tmp_path / "code"
    code.mkdir()
    (code / "own_code.py").write_text(OWN)
    bundle = tmp_path / "bundle"
    subprocess.run([sys.executable, "-c", USE, str(code), str(bundle)], cwd=ROOT, check=True)

    with pytest.raises(UntrustedType, match=r"own_code\.Doubler.*MODEL_CODE"):
        load(bundle)
    verify(load(bundle, Trust(code=code)))


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
    """A function that own code imports from elsewhere is not trusted, whatever loader asks for it."""
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
    modules = modules_in(code)

    with pytest.raises((UntrustedType, BundleCorrupt)):
        skops_io.load_skops(crafted(schema), modules)

    assert not canary.exists()


@pytest.mark.parametrize("loader", ["LossNode", "ReduceNode", "TreeNode", "ObjectNode"])
@pytest.mark.parametrize("name", ["sklearn.utils.validation.check_array", "functools.partial"])
def test_a_trusted_function_is_never_called_with_what_a_file_says(loader, name):
    """A trusted function may be referred to, but no loader calls it with arguments from the file."""
    module, _, attribute = name.rpartition(".")
    arguments = {"__class__": "tuple", "__module__": "builtins", "__loader__": "TupleNode", "content": [text("x")]}
    schema = {"__class__": attribute, "__module__": module, "__loader__": loader, "__reduce__": {"args": arguments}}

    if (loader, attribute) != ("ObjectNode", "partial"):  # an empty partial is not even that
        with pytest.raises(UntrustedType, match="is not trusted"):
            skops_io.load_skops(crafted(schema))
    else:
        with pytest.raises((UntrustedType, BundleCorrupt)):
            skops_io.load_skops(crafted(schema))


def test_a_file_that_expands_to_fill_the_memory_is_refused():
    """A file that expands to fill the memory is refused before it is expanded."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", "{}" + " " * 50_000_000)

    with pytest.raises(BundleCorrupt, match="expands from"):
        skops_io.load_skops(file.getvalue())
