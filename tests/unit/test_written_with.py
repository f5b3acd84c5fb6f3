"""Which scikit-learn wrote a model file is found out without loading it."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import tracemalloc
import zipfile
import zlib

import joblib
import numpy as np
import pytest
import sklearn
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from model.environments.written_with import WrittenWith, written_with

ROWS, LABELS = np.array([["a"], ["b"]], dtype=object), [0, 1]
PIPELINE = make_pipeline(OneHotEncoder(), LogisticRegression()).fit(ROWS, LABELS)
OTHER = "1.4.1.post1"


class Explosive:
    """Runs when it is unpickled, and ends the test."""

    def __reduce__(self):
        return pytest.fail, ("the file was loaded",)


def pickled(estimator, protocol=5):
    return pickle.dumps(estimator, protocol=protocol)


def renamed(protocol):
    """Return a pickle of an estimator that says it is of another version."""
    estimator = LogisticRegression()
    estimator.__dict__["_sklearn_version"] = OTHER
    return pickle.dumps(vars(estimator), protocol=protocol)


@pytest.mark.parametrize("protocol", range(6))
def test_every_protocol_of_pickle_says_it(tmp_path, protocol):
    """The strings of each protocol are recognised, and a version with more than numbers is whole."""
    (tmp_path / "model.pkl").write_bytes(renamed(protocol))

    assert WrittenWith(OTHER) == written_with(tmp_path / "model.pkl")


@pytest.mark.parametrize("method", ["zlib", "gzip", "bz2", "xz", "lzma"])
def test_every_compression_of_joblib_is_read(tmp_path, method):
    """Arrays of numbers and of objects stand in the file before the version."""
    forest = RandomForestClassifier(50, random_state=0).fit(
        np.random.default_rng(0).normal(size=(500, 4)), LABELS * 250
    )
    for estimator in (PIPELINE, forest):
        joblib.dump(estimator, tmp_path / "model", compress=(method, 3))

        assert sklearn.__version__ == written_with(tmp_path / "model").sklearn


@pytest.mark.parametrize("before", [0, 10, *range(2**20 - 70, 2**20, 3), 2**21])
def test_it_is_found_wherever_it_stands(tmp_path, before):
    """Also across the border of two pieces of the file, whatever bytes come before."""
    (tmp_path / "model.pkl").write_bytes(b"\x80\x05" + bytes(before) + renamed(4)[2:])

    assert OTHER == written_with(tmp_path / "model.pkl").sklearn


def test_the_file_is_not_loaded(tmp_path):
    """A program in the file does not run."""
    (tmp_path / "model.pkl").write_bytes(pickle.dumps([Explosive(), PIPELINE]))

    assert sklearn.__version__ == written_with(tmp_path / "model.pkl").sklearn


def test_skops_says_it_in_its_schema(tmp_path):
    """The version is that of the estimator, not that of skops."""
    skops.io.dump(PIPELINE, tmp_path / "model.skops")

    assert sklearn.__version__ == written_with(tmp_path / "model.skops").sklearn


def test_an_mlflow_directory_says_the_python_too(tmp_path):
    """What the model's own file says goes before what MLmodel says."""
    flavours = "flavors:\n  python_function:\n    python_version: 3.12.4\n  sklearn:\n    pickled_model: model.pkl\n"
    (tmp_path / "MLmodel").write_text(f"{flavours}    sklearn_version: 1.5.2\n")
    assert WrittenWith("1.5.2", "3.12.4") == written_with(tmp_path)

    (tmp_path / "model.pkl").write_bytes(renamed(5))
    assert WrittenWith(OTHER, "3.12.4") == written_with(tmp_path)


def archive(schema):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr(zipfile.ZipInfo("schema.json"), schema, zipfile.ZIP_DEFLATED)  # which has no date of today
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x05]\x94.",
        b"_sklearn_version 1.5.2",
        b"\x8c\x10_sklearn_version\x94\x8c\x05",
        b"\x8c\x10_sklearn_version\x94\x8c\x05a\nb;c",
        zlib.compress(bytes(10**6))[:-9],
        gzip.compress(b"a", mtime=0)[:-3],
        bz2.compress(b"a" * 1000)[:-3],
        lzma.compress(b"a" * 1000)[:-3],
        b"x\x9cnot zlib",
        b"PK\x03\x04",
        archive("[" * 10**6),
        archive(json.dumps({"_sklearn_version": {"content": "1"}})),
        archive(json.dumps({"content": {"_sklearn_version": {"content": '"; rm -rf"'}}})),
    ],
    ids=lambda content: repr(content[:24]),
)
def test_of_anything_else_nothing_is_said(tmp_path, content):
    """A damaged or hostile file is for whoever loads it to refuse; no version is made up."""
    (tmp_path / "model").write_bytes(content)

    assert WrittenWith() == written_with(tmp_path / "model")


def test_a_bomb_costs_bounded_memory(tmp_path):
    """A hundred megabytes of zeros are looked at in pieces of one."""
    (tmp_path / "model").write_bytes(zlib.compress(bytes(10**8)))

    tracemalloc.start()
    try:
        assert WrittenWith() == written_with(tmp_path / "model")
        assert tracemalloc.get_traced_memory()[1] < 10**7
    finally:
        tracemalloc.stop()


def test_a_file_that_is_not_there_is_for_others_to_name(tmp_path):
    """A path that does not exist, and a directory that is no MLflow model."""
    assert [WrittenWith()] * 2 == [written_with(tmp_path / "none"), written_with(tmp_path)]
