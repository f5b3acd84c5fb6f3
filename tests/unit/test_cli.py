"""The commands, as a person or a build runs them."""

import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys

import joblib
import pandas as pd
import pytest
import sklearn
import skops.io
import yaml
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from model.commands import check
from model.errors import UnsupportedEstimator
from model.loading import load, make_rows, verify
from model.packing.pack import pack
from tests import zoo
from tests.bundles import part
from tests.conftest import ROOT

IRIS = load_iris(as_frame=True)


@pytest.fixture
def estimator():
    return LogisticRegression(max_iter=1000).fit(IRIS.data, IRIS.target)


def as_mlflow(estimator, path):
    """Write a model directory as mlflow.sklearn.save_model lays it out."""
    path.mkdir()
    (path / "model.pkl").write_bytes(pickle.dumps(estimator))
    flavours = {
        "python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"},
        "sklearn": {"pickled_model": "model.pkl", "serialization_format": "cloudpickle", "sklearn_version": "1.9.1"},
    }
    (path / "MLmodel").write_text(yaml.safe_dump({"flavors": flavours, "mlflow_version": "3.18.0"}))


OTHER_VERSION = pickle.dumps(KMeans()).replace(sklearn.__version__.encode(), b"0.9.9")
WAYS = {
    "model.joblib": joblib.dump,
    "model.pkl": lambda estimator, path: path.write_bytes(pickle.dumps(estimator)),
    "model.skops": skops.io.dump,
    "mlflow": as_mlflow,
}


@pytest.mark.parametrize("data", [None, "csv", "parquet"])
@pytest.mark.parametrize("name", WAYS)
def test_pack_takes_what_people_have(run, tmp_path, estimator, name, data):
    """`pack` reads every format of model with every format of data, and ignores the target among the columns."""
    WAYS[name](estimator, tmp_path / name)
    options = []
    if data:
        frame = IRIS.frame.sample(frac=1, axis="columns", random_state=0)
        path = tmp_path / f"train.{data}"
        frame.to_csv(path, index=False) if data == "csv" else frame.to_parquet(path)
        options = ["--data", path]

    code, out, _ = run("pack", tmp_path / name, *options, "--output", tmp_path / "bundle", "--name", "mine")

    assert (0, True) == (code, out.splitlines()[1].startswith("mine 1: "))
    assert out.startswith("engine: onnx, ")
    loaded = load(tmp_path / "bundle")
    verify(loaded)
    assert tuple(IRIS.feature_names) == loaded.manifest.signature.names
    assert bool(data) == (loaded.manifest.baseline is not None)


def test_pack_takes_texts_from_a_column(run, tmp_path):
    """A model of strings takes the data's only column, or the one named text."""
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(zoo.TEXTS, zoo.LONG)
    joblib.dump(model, tmp_path / "model.joblib")
    pd.DataFrame({"text": zoo.TEXTS, "label": zoo.LONG}).to_csv(tmp_path / "train.csv", index=False)

    code, _, _ = run(
        "pack", tmp_path / "model.joblib", "--data", tmp_path / "train.csv", "--output", tmp_path / "bundle"
    )

    assert 0 == code
    assert "text" == load(tmp_path / "bundle").manifest.signature.layout


def test_csv_is_read_as_what_the_estimator_was_fitted_on(run, tmp_path):
    """A string of digits is not converted to a number, nor "NA" to a missing value, and a date is read as a date."""
    rows = pd.DataFrame(
        {
            "zip": ["01234", "56789"] * 20,
            "country": ["NA", "None", "NO", "US"] * 10,
            "since": pd.to_datetime(["2020-01-01", "2021-06-05"] * 20),
            "size": [1.5, None, 2.5, 4.0] * 10,
        }
    )
    texts = ("t", OneHotEncoder(), ["zip", "country", "since"])
    columns = ColumnTransformer([texts, ("n", SimpleImputer(), ["size"])])
    estimator = make_pipeline(columns, LogisticRegression()).fit(rows, [0, 1, 1, 0] * 10)
    joblib.dump(estimator, tmp_path / "model.joblib")
    rows.to_csv(tmp_path / "train.csv", index=False)

    code, _, _ = run(
        "pack", tmp_path / "model.joblib", "--data", tmp_path / "train.csv", "--output", tmp_path / "bundle"
    )

    assert 0 == code
    loaded = load(tmp_path / "bundle")
    dtypes = [feature.dtype for feature in loaded.manifest.signature.features]
    assert ["string", "string", "datetime", "float64"] == dtypes
    cells = [["01234", "NA", "2020-01-01", 1.5], ["56789", "None", "2021-06-05", None]]
    found = loaded.engine.predict(make_rows(cells, loaded.manifest.signature)).probabilities
    assert estimator.predict_proba(rows.iloc[:2]).tolist() == found.tolist()


def test_data_that_contradict_the_estimator_are_refused(tmp_path):
    """Data whose dtypes are not the fitted ones are refused: dates as strings would silently give other answers."""
    rows = pd.DataFrame({"since": pd.to_datetime(["2020-01-01", "2021-06-05"] * 10)})
    estimator = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression()).fit(rows, [0, 1] * 10)

    with pytest.raises(UnsupportedEstimator, match=r"'since' of the data is string, but .* fitted on datetime"):
        pack(estimator, tmp_path / "bundle", name="test", data=rows.astype(str))


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: None, "bundle_missing"),
        (lambda path: path.write_bytes(b"no model"), "bundle_corrupt"),
        (lambda path: path.mkdir(), "unsupported_estimator"),
        (lambda path: joblib.dump({"a": 1}, path), "unsupported_estimator"),
        (lambda path: path.write_bytes(OTHER_VERSION), "version_mismatch: .* was written with .* 0.9.9"),
        (
            lambda path: path.write_bytes(b"cnobodys_code\nThing\n."),
            "bundle_corrupt: .*uv pip install --python .*/python\\S* nobodys_code.*pack --code",
        ),
    ],
    ids=["missing", "garbage", "no MLflow model", "no estimator", "another version", "own code"],
)
def test_what_cannot_be_packed_is_one_line_and_exit_code_1(run, tmp_path, make, code):
    """An estimator that cannot be packed is reported on one line with its error code, without a traceback."""
    make(tmp_path / "model.joblib")

    status, out, err = run("pack", tmp_path / "model.joblib", "--output", tmp_path / "bundle")

    assert (1, "") == (status, out)
    assert 1 == len([line for line in err.splitlines() if re.match(f"ml-service: {code}", line)])
    assert not (tmp_path / "bundle").exists()


def test_an_mlflow_directory_cannot_point_out_of_itself(run, tmp_path, estimator):
    """An MLmodel that names a file outside its directory is refused."""
    joblib.dump(estimator, tmp_path / "elsewhere.pkl")
    as_mlflow(estimator, tmp_path / "mlflow")
    text = (
        (tmp_path / "mlflow" / "MLmodel")
        .read_text()
        .replace("pickled_model: model.pkl", "pickled_model: ../elsewhere.pkl")
    )
    (tmp_path / "mlflow" / "MLmodel").write_text(text)

    status, _, err = run("pack", tmp_path / "mlflow", "--output", tmp_path / "bundle")

    assert 1 == status
    assert "outside its directory" in err


def test_inspect_is_a_table_and_json(run, iris_bundle):
    """`inspect` prints a table for a person, or JSON for a program."""
    code, table, _ = run("inspect", iris_bundle)
    assert (0, True, True) == (code, "iris 1" in table, "petal length (cm)" in table)
    assert "1 to 6.9" in table

    code, text, _ = run("inspect", iris_bundle, "--json")
    assert (0, "iris", 64) == (code, json.loads(text)["name"], len(json.loads(text)["digest"]))


def test_inspect_and_check_show_no_control_characters_of_a_bundle(run, iris_bundle, tmp_path):
    """Control characters in a manifest are escaped, because they could manipulate the terminal."""
    bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
    manifest = (bundle / "manifest.json").read_text()
    hostile = manifest.replace('"created_at": "', '"created_at": "\\u001b[2J\\nFAIL', 1).replace(
        "sepal", "\\u009b2J", 1
    )
    (bundle / "manifest.json").write_text(hostile)

    for command in ("inspect", "check"):
        _, table, progress = run(command, bundle)
        assert all(line.isprintable() for line in (table + progress).split("\n"))
    assert r"\x1b[2J\nFAIL" in run("inspect", bundle)[1]


def test_inspect_and_check_default_to_the_servers_own_bundle(run, iris_bundle):
    """Without an argument, `inspect` and `check` read the bundle that MODEL_DIR names, as the server does."""
    assert 0 == run("inspect", MODEL_DIR=str(iris_bundle))[0]
    assert 0 == run("check", MODEL_DIR=str(iris_bundle))[0]


def test_check_tries_everything_and_says_what_it_found(run, iris_bundle):
    """`check` reports on loading, a forked worker, golden rows, speed and memory."""
    code, table, progress = run("check", iris_bundle)
    assert (0, "") == (code, progress)
    for name in ("load", "pin", "fork", "golden rows", "speed", "memory of a worker"):
        assert f"ok  {name}" in table
    assert "MODEL_SHA256=" in table

    code, text, _ = run("check", iris_bundle, "--json")
    assert {True} == {finding["ok"] for finding in json.loads(text)}


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        (lambda bundle: part(bundle, "skops").unlink(), "load"),
        (
            lambda bundle: (bundle / "manifest.json").write_text(
                (bundle / "manifest.json").read_text().replace('"labels": [\n      0', '"labels": [\n      2', 1)
            ),
            "golden rows",
        ),
    ],
    ids=["missing file", "golden rows"],
)
def test_check_fails_with_the_remedy(run, iris_bundle, tmp_path, damage, name):
    """`check` of a damaged bundle exits with 1 and says what to do."""
    bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
    before = (bundle / "manifest.json").read_text()
    damage(bundle)
    assert name == "load" or before != (bundle / "manifest.json").read_text()

    code, table, _ = run("check", bundle)

    assert 1 == code
    assert f"FAIL  {name}" in table


def test_check_survives_a_model_that_ends_the_process_that_loads_it(run, iris_bundle, monkeypatch):
    """The model is loaded in a forked process only."""
    monkeypatch.setattr(check, "load", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    code, table, _ = run("check", iris_bundle)

    assert 1 == code
    assert "FAIL  load" in table


@pytest.mark.parametrize(
    "words",
    [["inspect"], ["check"], ["score", "in.csv", "out.csv", "--model"], ["replay", "log", "--model"]],
    ids=lambda words: words[0],
)
def test_a_uri_in_place_of_a_bundle_is_refused_with_the_command_that_fetches_it(run, words):
    """Only `serve` fetches; a password in the URI is not repeated."""
    code, _, err = run(*words, "https://me:secret@example.com/churn?key=secret")

    assert 2 == code
    assert "expected a directory of this machine; `python -m model fetch https://example.com/churn DIR`" in err
    assert "secret" not in err


@pytest.mark.parametrize("image", [1, 2], ids=["any model", "compiled models"])
@pytest.mark.parametrize(
    "command", [["inspect"], ["check"], ["bench", "--seconds", "0.01"]], ids=lambda words: words[0]
)
def test_commands_run_without_the_rooms_that_images_leave_out(tmp_path, iris_bundle, image, command):
    """These commands need no room that the Dockerfile removes; the second image lacks all that the first lacks."""
    shutil.copytree(ROOT / "model", tmp_path / "model", ignore=shutil.ignore_patterns("__pycache__"))
    removals = re.findall(r"^RUN rm -r model/.*", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert 2 == len(removals)
    for room in re.findall(r"model/\w+", " ".join(removals[:image])):
        shutil.rmtree(tmp_path / room)

    done = subprocess.run(
        [sys.executable, "-m", "model", *command, iris_bundle], cwd=tmp_path, capture_output=True, check=False
    )

    assert 0 == done.returncode, done.stderr.decode()


def test_a_reader_that_wants_no_more_is_no_error(iris_bundle):
    """`inspect` into a pipe that is closed ends without a word."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "model", "inspect", str(iris_bundle), "--json"]
    with os.fdopen(writer, "wb") as pipe:
        ended = subprocess.run(command, cwd=ROOT, stdout=pipe, stderr=subprocess.PIPE, check=False)

    assert (1, b"") == (ended.returncode, ended.stderr)
