"""MLflow directories, as tests/documents/record_mlflow.py recorded them with MLflow's own answers, and others."""

import json
import shutil
from pathlib import Path

import joblib
import numpy as np
import pytest
import skops.io
import yaml
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from model.commands.cli import main
from model.errors import UnsupportedEstimator
from model.loading import load, make_rows
from model.packing.sources import read_source

FOLDER = Path(__file__).parents[1] / "documents" / "mlflow"
IRIS = load_iris()
FITTED = LogisticRegression(max_iter=1000).fit(IRIS.data, IRIS.target)
ANSWERED = ["xgboost-estimator", "xgboost-booster", "xgboost-booster-classes", "lightgbm-booster", "catboost-json"]
ANSWERED += ["catboost-cbm"]


def pack(path, tmp_path):
    """Pack by the command; return the loaded bundle."""
    assert 0 == main(["pack", str(path), "--output", str(tmp_path / "bundle"), "--name", "mine"], {})
    return load(tmp_path / "bundle")


@pytest.mark.parametrize("name", ANSWERED)
def test_a_boosting_librarys_flavour_answers_what_mlflow_answers(tmp_path, capsys, name):
    """An estimator answers labels; a Booster answers probabilities, of the second class or of each."""
    recorded = json.loads((FOLDER / name / "answers.json").read_text())

    loaded = pack(FOLDER / name, tmp_path)

    signature = loaded.manifest.signature
    prediction = loaded.engine.predict(make_rows(recorded["rows"], signature))
    found = prediction.of(loaded.manifest.predict_fn)
    np.testing.assert_allclose(np.ravel(found), np.ravel(recorded["answers"]), rtol=0, atol=1.2e-7)
    assert f"is an MLflow directory of the flavour {name.partition('-')[0]}: a file of" in capsys.readouterr().err
    assert ("a", "b", "c") == signature.names


def as_mlflow(path, flavours, **members):
    """Write a directory with an MLmodel."""
    path.mkdir()
    (path / "MLmodel").write_text(yaml.safe_dump({"flavors": flavours, **members}))
    return path


def test_mlflows_newer_skops_files_are_read(tmp_path):
    """`serialization_format: skops` names a file of skops."""
    flavours = {
        "sklearn": {"pickled_model": "model.skops", "serialization_format": "skops", "skops_trusted_types": None}
    }
    path = as_mlflow(tmp_path / "model", flavours)
    skops.io.dump(FITTED, path / "model.skops")

    loaded = pack(path, tmp_path)

    assert FITTED.predict(IRIS.data).tolist() == loaded.engine.predict(IRIS.data).labels.tolist()


@pytest.mark.parametrize("types", ["double", "long", "string", "boolean"])
def test_the_signature_names_the_columns_of_a_model_that_does_not_know_them(tmp_path, types):
    """The names and types of MLflow's signature are used if the estimator has no names for as many columns."""
    columns = [{"type": "double", "name": name, "required": True} for name in ("a", "b", "c", "d")]
    columns[0]["type"] = types if types != "string" else "double"
    path = as_mlflow(
        tmp_path / "model", {"sklearn": {"pickled_model": "model.pkl"}}, signature={"inputs": json.dumps(columns)}
    )
    joblib.dump(FITTED, path / "model.pkl")

    features = pack(path, tmp_path).manifest.signature.features

    assert ["a", "b", "c", "d"] == [each.name for each in features]
    assert ("bool" if types == "boolean" else "float64") == features[0].dtype


@pytest.mark.parametrize(
    "inputs",
    [
        '[{"type": "tensor", "tensor-spec": {"dtype": "float64", "shape": [-1, 4]}}]',
        "nonsense",
        None,
        '[{"type": "x"}]',
    ],
)
def test_a_signature_that_names_no_columns_changes_nothing(tmp_path, inputs):
    """Tensors, and what is no signature."""
    path = as_mlflow(tmp_path / "model", {"sklearn": {"pickled_model": "model.pkl"}}, signature={"inputs": inputs})
    joblib.dump(FITTED, path / "model.pkl")

    assert ("x0", "x1", "x2", "x3") == pack(path, tmp_path).manifest.signature.names


OTHERS = {
    "own code": (
        lambda path: shutil.copytree(FOLDER / "own-code", path),
        "own Python code .*pack the estimator inside",
    ),
    "torch": (
        lambda path: as_mlflow(path, {"pytorch": {"model_data": "data"}, "python_function": {}}),
        "an MLflow model of the flavour pytorch; those that are packed are sklearn, xgboost, lightgbm, catboost",
    ),
    "loader": (
        lambda path: as_mlflow(path, {"python_function": {"loader_module": "mlflow.prophet"}}),
        "of the flavour mlflow.prophet",
    ),
    "raw CatBoost": (
        lambda path: as_mlflow(path, {"catboost": {"data": "model.cb", "model_type": "CatBoost"}}),
        "which answers raw scores; log a CatBoostClassifier",
    ),
    "no MLmodel": (lambda path: path.mkdir(), "has no file MLmodel, so it is no MLflow model"),
    "no flavours": (lambda path: as_mlflow(path, None), "MLmodel cannot be read"),
    "a list of flavours": (lambda path: as_mlflow(path, ["sklearn"]), "MLmodel cannot be read"),
    "outside": (lambda path: as_mlflow(path, {"xgboost": {"data": "../x"}}), "names a file outside its directory"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_not_packed_is_named(tmp_path, name):
    """Other flavours, and directories that are no models, are refused with what to do."""
    make, words = OTHERS[name]
    make(tmp_path / "model")

    with pytest.raises(UnsupportedEstimator, match=words) as raised:
        read_source(tmp_path / "model")

    assert str(raised.value).startswith(str(tmp_path / "model"))


def test_a_library_that_its_pickle_needs_is_named(tmp_path):
    """MLflow pickles LightGBM's estimators, or writes them as skops; only its Booster is a file of LightGBM."""
    path = as_mlflow(tmp_path / "model", {"lightgbm": {"data": "model.pkl"}})
    (path / "model.pkl").write_bytes(b"clightgbm.sklearn\nLGBMClassifier\n)R.")

    with pytest.raises(UnsupportedEstimator, match=r"needs lightgbm, which is not installed .*or log its Booster"):
        read_source(path)


def test_a_bundle_is_named_as_one(iris_bundle):
    """A bundle is served, and not packed again."""
    with pytest.raises(UnsupportedEstimator, match="is a bundle already: serve it"):
        read_source(iris_bundle)


def test_other_directories_are_named(tmp_path):
    """TensorFlow's SavedModel is a directory, too."""
    (tmp_path / "saved_model.pb").write_bytes(b"")

    with pytest.raises(UnsupportedEstimator, match="is a SavedModel of TensorFlow"):
        read_source(tmp_path)
