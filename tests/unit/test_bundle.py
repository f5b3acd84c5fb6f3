"""A bundle that is damaged, incomplete or for another version is refused, each way with its own code."""

import json
import random
import re
import shutil
from contextlib import suppress

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from model.bundle.manifest import digest_of
from model.bundle.trust import Trust
from model.errors import (
    BundleCorrupt,
    BundleMissing,
    DigestMismatch,
    GoldenMismatch,
    ModelError,
    UntrustedType,
    VersionMismatch,
)
from model.loading import load, verify
from model.sklearn_runtime import skops_io
from tests.bundles import part, replace_part

IRIS = load_iris(as_frame=True)


@pytest.fixture
def bundle(iris_bundle, tmp_path):
    """Copy the reference bundle, to damage."""
    return shutil.copytree(iris_bundle, tmp_path / "bundle")


def rewrite(bundle, change):
    """Change the manifest as a person with an editor would."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    change(manifest)
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def test_a_bundle_loads_and_reproduces_its_golden_rows(bundle):
    """A loaded bundle has what was packed, and predicts its golden rows."""
    loaded = load(bundle)
    verify(loaded)

    manifest = loaded.manifest
    assert ("iris", "1", "classifier", (0, 1, 2)) == (
        manifest.name,
        manifest.version,
        manifest.signature.task,
        *manifest.signature.classes,
    )
    assert tuple(IRIS.feature_names) == manifest.signature.names
    assert 32 == len(manifest.golden.rows)
    assert 30 == manifest.score.rows
    assert manifest.score.value > 0.9
    assert loaded.digest == digest_of((bundle / "manifest.json").read_bytes())


def test_the_baseline_has_each_features_deciles_and_missing_share(bundle):
    """The manifest has each feature's deciles and share of missing values in training."""
    baseline = load(bundle).manifest.baseline["petal length (cm)"]

    assert 11 == len(baseline.deciles)
    assert (1.0, 6.9, 0.0) == (baseline.deciles[0], baseline.deciles[-1], baseline.missing)


def test_nothing_at_the_path_is_bundle_missing(tmp_path):
    """A path without a bundle is `bundle_missing`, with the remedy in the message."""
    with pytest.raises(BundleMissing, match=r"name the directory of a bundle \(MODEL_DIR\)"):
        load(tmp_path / "nowhere")


def file_of(bundle, kind):
    return bundle / "manifest.json" if kind == "manifest" else part(bundle, kind)


@pytest.mark.parametrize("kind", ["manifest", "skops"])
def test_a_missing_file_is_bundle_missing(bundle, kind):
    """If any file is missing, the error is `bundle_missing`."""
    path = file_of(bundle, kind)
    path.unlink()

    with pytest.raises(BundleMissing, match=path.name):
        load(bundle)


@pytest.mark.parametrize("kind", ["manifest", "skops"])
@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_a_truncated_file_is_refused(bundle, kind, share):
    """A truncated file is refused, however much of it is left."""
    path = file_of(bundle, kind)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])

    with pytest.raises(BundleCorrupt):
        load(bundle)


def test_any_flipped_bit_of_the_model_file_is_refused(bundle):
    """Any flipped bit of the model file is refused (100 random ones are tried)."""
    path, draw = part(bundle, "skops"), random.Random(0)
    content = path.read_bytes()
    for _ in range(100):
        position, bit = draw.randrange(len(content)), draw.randrange(8)
        flipped = bytearray(content)
        flipped[position] ^= 1 << bit
        path.write_bytes(flipped)

        with pytest.raises(BundleCorrupt):
            load(bundle)


def test_any_flipped_bit_of_the_manifest_is_refused_when_pinned(bundle):
    """The pin covers the whole manifest, and through its digests every file."""
    path, draw, pin = bundle / "manifest.json", random.Random(0), load(bundle).digest
    content = path.read_bytes()
    for _ in range(100):
        flipped = bytearray(content)
        flipped[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        path.write_bytes(flipped)

        with pytest.raises(DigestMismatch, match="is pinned"):
            load(bundle, Trust(pin))


def test_another_scikit_learn_is_a_version_mismatch_with_the_remedy(bundle):
    """Loading under another version is unsupported by scikit-learn; the message says what to install."""
    rewrite(bundle, lambda manifest: manifest.update(requires=["scikit-learn==1.2.3"]))

    with pytest.raises(VersionMismatch, match=r"scikit-learn 1\.2\.3, .*make serve MODEL_DIR=.*make image BUNDLE="):
        load(bundle, compiled=False)


def test_a_manifest_that_does_not_say_what_it_needs_needs_the_scikit_learn_that_made_it(bundle):
    """Bundles from before `requires` state their version only under `made_with`."""
    rewrite(bundle, lambda manifest: manifest.update(requires=None, made_with={"scikit-learn": "1.2.3"}))

    with pytest.raises(VersionMismatch, match=r"scikit-learn 1\.2\.3, .*make serve MODEL_DIR=.*make image BUNDLE="):
        load(bundle, compiled=False)


@pytest.mark.parametrize(
    ("needed", "here"), [("not-there==1.0", "none"), (f"numpy==0.{np.__version__}", np.__version__)]
)
def test_a_library_that_the_model_needs_and_the_server_has_not_is_named(bundle, needed, here):
    """The refusal states the requirement, what is installed, and where the lines of an image are."""
    rewrite(bundle, lambda manifest: manifest["requires"].append(needed))

    expected = rf"needs {re.escape(needed)}, this server has {re.escape(here)}; install .*docs/models\.md"
    with pytest.raises(VersionMismatch, match=expected):
        load(bundle, compiled=False)
    assert "onnx" == load(bundle).engine.name


def test_a_bundle_with_only_a_compiled_model_is_served_by_no_other_engine(bundle):
    """Without an estimator's file it loads, needs nothing, and ENGINE=scikit-learn is refused with the remedy."""
    rewrite(bundle, lambda manifest: (manifest["files"].pop(part(bundle, "skops").name), manifest.update(requires=[])))

    verify(load(bundle))
    with pytest.raises(VersionMismatch, match=r"only a compiled model.*ENGINE=auto"):
        load(bundle, compiled=False)


def test_another_format_is_a_version_mismatch(bundle):
    """Another format is a version mismatch, even if nothing else in the manifest can be read."""
    (bundle / "manifest.json").write_text('{"format": 99}')

    with pytest.raises(VersionMismatch, match="format 99"):
        load(bundle)


@pytest.mark.parametrize("name", ["../model.skops", "/etc/passwd", "a/b", "..", ".hidden"])
def test_a_manifest_that_names_files_outside_its_directory_is_refused(bundle, name):
    """A manifest that names files outside its directory is refused before any of them is opened."""
    skops = part(bundle, "skops").name
    rewrite(bundle, lambda manifest: manifest["files"].update({name: manifest["files"][skops]}))

    with pytest.raises(BundleCorrupt, match="not a manifest"):
        load(bundle)


def test_golden_rows_that_are_not_reproduced_are_refused(bundle):
    """Golden labels that are not reproduced are refused."""
    rewrite(bundle, lambda manifest: manifest["golden"]["labels"].__setitem__(0, 2))

    with pytest.raises(GoldenMismatch, match="1 of its 32 golden rows"):
        verify(load(bundle))


def test_golden_probabilities_that_are_off_are_refused(bundle):
    """Golden probabilities that differ by more than the last bits are refused."""
    rewrite(bundle, lambda manifest: manifest["golden"]["probabilities"][3].__setitem__(0, 0.123))

    with pytest.raises(GoldenMismatch):
        verify(load(bundle))


def test_a_model_file_without_a_model_is_refused(bundle):
    """A model file with the right digest is refused if it is not a skops file."""
    replace_part(bundle, "skops", b"garbage")

    with pytest.raises(BundleCorrupt, match="cannot be read"):
        load(bundle, compiled=False)


def test_a_type_off_the_list_is_refused_before_anything_is_built(tmp_path):
    """A type that is not on the list is refused before anything is built."""
    estimator = make_pipeline(FunctionTransformer(shutil.rmtree), LogisticRegression())
    content = skops_io.skops.io.dumps(estimator)

    with pytest.raises(UntrustedType, match="rmtree"):
        skops_io.load_skops(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda manifest: manifest["signature"]["features"].pop(),
        lambda manifest: manifest["signature"].update(task="regressor"),
        lambda manifest: manifest["signature"].update(classes=None),
        lambda manifest: manifest["signature"].update(classes=[[1, 0, 2]]),
        lambda manifest: manifest["signature"].update(classes=[[0, 1]]),
        lambda manifest: manifest["signature"].update(probabilities=False),
        lambda manifest: manifest["signature"]["features"][0].update(name="petal width (cm)"),
        lambda manifest: manifest["golden"]["rows"][0].pop(),
        lambda manifest: manifest["golden"]["labels"].pop(),
    ],
    ids=["feature", "task", "no classes", "order of classes", "class", "probabilities", "name twice", "row", "label"],
)
@pytest.mark.parametrize("compiled", [True, False])
def test_a_manifest_that_speaks_of_another_model_is_refused(bundle, change, compiled):
    """A manifest that contradicts its model is refused: requests are validated by the manifest."""
    rewrite(bundle, change)

    with pytest.raises(BundleCorrupt, match=r"the manifest (says|has)"):
        load(bundle, compiled=compiled)


@pytest.mark.parametrize("what", [{"a": 1}, StandardScaler(), LogisticRegression()], ids=["dict", "scaler", "unfitted"])
def test_a_file_that_holds_no_fitted_predictor_is_refused(bundle, what):
    """A file without a fitted predictor is refused with an error code, without a traceback."""
    replace_part(bundle, "skops", skops_io.skops.io.dumps(what))

    with pytest.raises((BundleCorrupt, GoldenMismatch)):
        verify(load(bundle, compiled=False))


def test_random_damage_to_the_manifest_always_has_a_code(bundle):
    """Random damage to the manifest always raises an error with a code."""
    path, draw = bundle / "manifest.json", random.Random(1)
    content = path.read_bytes()
    for _ in range(300):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] = draw.randrange(256)
        path.write_bytes(damaged)
        with suppress(ModelError):
            verify(load(bundle))
            assert path.read_bytes() != content or damaged == content


def test_each_way_of_being_wrong_has_a_code_of_its_own():
    """Each error class has its own code, which scripts and people on call rely on."""
    codes = [error.code for error in ModelError.__subclasses__()]

    assert len(codes) == len(set(codes))
    assert ModelError.code not in codes
