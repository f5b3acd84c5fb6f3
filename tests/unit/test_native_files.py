"""Models in the libraries' own files, as tests/documents/record_native.py recorded them: no library is needed."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest

from model.commands.cli import main
from model.errors import UnsupportedEstimator
from model.loading import load, make_rows
from model.packing.pack import pack
from model.packing.sources import read_source

FOLDER = Path(__file__).parents[1] / "documents" / "native"
FILES = [f"catboost-{kind}.{form}" for kind in ("binary", "classes", "number", "deep") for form in ("json", "cbm")]
FILES += ["lightgbm-binary.txt", "lightgbm-classes.txt", "lightgbm-number.txt"]
FILES += ["xgboost-binary.ubj", "xgboost-classes.json", "xgboost-number.ubj"]
# In float32, of XGBoost's own exponential; the others compute in float64.
TOLERANCE = {"xgboost": 1.2e-7, "lightgbm": 1e-15, "catboost": 1e-15}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_packed_without_its_library_and_answers_as_that_did(tmp_path, name):
    """Columns, categories and labels are read from the file; the bundle holds nothing but the graph."""
    library, _, kind = name.partition("-")
    recorded = json.loads((FOLDER / f"{name.partition('.')[0]}.json.answers").read_text())

    pack(read_source(FOLDER / name).estimator, tmp_path / "bundle", name="test")

    loaded = load(tmp_path / "bundle")
    found = loaded.engine.predict(make_rows(recorded["rows"], loaded.manifest.signature))
    answers = found.labels if kind.startswith("number") else found.probabilities
    expected, scale = np.array(recorded["answers"]), np.maximum(1, np.abs(recorded["answers"]))
    assert ["onnx"] == loaded.manifest.kinds
    assert TOLERANCE[library] >= np.max(np.abs(expected - answers) / scale)
    assert kind.startswith("number") or expected.argmax(axis=1).tolist() == found.labels.tolist()


@pytest.mark.parametrize("kind", ["binary", "classes", "number", "deep"])
def test_catboosts_binary_file_says_what_its_json_says(kind):
    """Columns, borders, leaves, scale and labels, of symmetric trees and of others."""
    binary, document = (read_source(FOLDER / f"catboost-{kind}.{form}").estimator for form in ("cbm", "json"))
    rows = np.random.default_rng(0).normal(size=(1000, 3))
    rows[::5, 1] = np.nan

    assert binary.predict(rows).tolist() == document.predict(rows).tolist()
    assert binary.file.names == document.file.names
    assert binary.file.labels == document.file.labels


@pytest.mark.parametrize("name", FILES)
def test_the_signature_is_read_from_the_file(tmp_path, name):
    """A client sends categories as strings, and missing values as null."""
    library, _, kind = name.partition("-")
    numbers = {"lightgbm": "body_mass"}.get(library, "body mass"), "age", "dose"

    signature = pack(read_source(FOLDER / name).estimator, tmp_path / "bundle", name="test").manifest.signature

    dtypes = {each.name: each.dtype for each in signature.features}
    assert {**dict.fromkeys(numbers, "float64"), **({} if library == "catboost" else {"city": "string"})} == dtypes
    assert all(each.nullable for each in signature.features)
    count = {"binary": 2, "classes": 3, "deep": 3}.get(kind.partition(".")[0])
    assert (None if count is None else (tuple(range(count)),)) == signature.classes


def test_columns_have_the_names_of_the_data_where_lightgbm_changed_them(tmp_path):
    """It writes a space as an underscore; clients send the names that they know."""
    recorded = json.loads((FOLDER / "lightgbm-binary.json.answers").read_text())
    data = pandas.DataFrame(recorded["rows"], columns=["body_mass", "age", "dose", "city"])
    columns = data.rename(columns={"body_mass": "body mass"}).astype({"body mass": float, "age": float, "dose": float})

    loaded = pack(read_source(FOLDER / "lightgbm-binary.txt").estimator, tmp_path / "bundle", name="test", data=columns)

    found = loaded.engine.predict(make_rows(recorded["rows"], loaded.manifest.signature))
    assert ("body mass", "age", "dose", "city") == loaded.manifest.signature.names
    assert 1e-15 >= np.max(np.abs(np.array(recorded["answers"]) - found.probabilities))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("catboost-binary.json", "a file of CatBoost (JSON), which is read without catboost"),
        ("catboost-binary.cbm", "a file of CatBoost (binary), which is read without catboost"),
        ("lightgbm-binary.txt", "a file of LightGBM, which is read without lightgbm"),
        ("xgboost-binary.ubj", "a file of XGBoost (UBJSON), which is read without xgboost"),
        ("xgboost-classes.json", "a file of XGBoost (JSON), which is read without xgboost"),
    ],
)
def test_the_command_says_what_it_reads(tmp_path, capsys, name, words):
    """`pack` names the kind of file before it packs it."""
    code = main(["pack", str(FOLDER / name), "--output", str(tmp_path / "bundle"), "--name", "mine"], {})

    said = capsys.readouterr()
    assert 0 == code
    assert f"{name} is {words}" in said.err
    assert said.out.startswith("engine: onnx, compared with the file's own trees: ")


def test_the_bundle_says_what_the_graph_was_compared_with(tmp_path, capsys):
    """Where the library is not installed, that is a walk of the file's trees by numpy."""
    manifest = pack(read_source(FOLDER / "xgboost-binary.ubj").estimator, tmp_path / "bundle", name="test").manifest

    assert "a walk of the file's trees by numpy" == manifest.compared_with
    assert 0 == main(["inspect", str(tmp_path / "bundle")], {})
    assert "compared with  a walk of the file's trees by numpy" in capsys.readouterr().out


LIBRARY = """
import os
class Booster:
    feature_names = feature_types = None
    def __init__(self, model_file):
        {reading}
    def attr(self, name):
        return None
    def predict(self, matrix, iteration_range):
        return matrix[:, 0] * 0
def DMatrix(rows, **_):
    return rows
"""


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ("pass", "answers differently in xgboost; pack its estimator instead"),
        ("os.abort()", r"xgboost cannot read a file of XGBoost \(UBJSON\) \(-6"),
        ("raise ValueError('own words')", "xgboost cannot read .*own words"),
    ],
)
def test_a_library_that_is_there_has_to_agree_and_may_crash(tmp_path, monkeypatch, reading, words):
    """It reads the file in a process of its own, so that a crash there is a refusal here."""
    (tmp_path / "xgboost.py").write_text(LIBRARY.format(reading=reading))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(UnsupportedEstimator, match=words):
        pack(read_source(FOLDER / "xgboost-binary.ubj").estimator, tmp_path / "bundle", name="test")

    assert not (tmp_path / "bundle").exists()


def test_what_has_no_compiled_form_says_what_to_do(tmp_path):
    """A file is never pickled: a model that is not compiled is packed from the library's estimator."""
    path = tmp_path / "model.ubj"
    path.write_bytes((FOLDER / "xgboost-classes.json").read_bytes().replace(b'"multi:softprob"', b'"multi:unheardof"'))

    with pytest.raises(UnsupportedEstimator, match=r"model.ubj: .*multi:unheardof.*load it with xgboost, and pack"):
        read_source(path)
