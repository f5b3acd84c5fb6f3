"""`replay`: a prediction log, recomputed."""

import gzip
import json
import xml.etree.ElementTree

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from model.commands.cli import main
from model.loading import load, make_rows
from model.packing.pack import pack
from model.predictor import Predictor
from service.errors import OK
from service.monitoring.prediction_log import Outcome, PredictionLog
from service.monitoring.redaction import Redaction
from service.protocols.base import Call, ModelIdentity
from service.tracing.context import trace_of

REQUESTS = 10_000
ROWS, LABELS = load_iris(return_X_y=True)
RNG = np.random.default_rng(0)


def fitted(change):
    estimator = LogisticRegression(max_iter=1000).fit(ROWS, np.array(["a", "b", "c"])[LABELS])
    estimator.coef_[0, 2] += change
    return estimator


@pytest.fixture(scope="module")
def bundles(tmp_path_factory):
    """Pack a model, and one whose coefficient is another."""
    folder = tmp_path_factory.mktemp("bundles")
    for name, change in (("served", 0.0), ("mutated", 0.5)):
        pack(fitted(change), folder / name, name="iris", data=ROWS)
    return folder


@pytest.fixture(scope="module")
def requests():
    """Make the rows of 10,000 requests: mostly one, sometimes three."""
    made = ROWS[RNG.integers(0, len(ROWS), 3 * REQUESTS)] + RNG.normal(0, 0.3, (3 * REQUESTS, 4))
    return [made[3 * place : 3 * place + (3 if place % 10 == 0 else 1)] for place in range(REQUESTS)]


def write_log(bundle, requests, path, **options):
    """Write the log of a server that answers the requests with the bundle."""
    loaded = load(bundle)
    predictor, signature = Predictor(loaded), loaded.manifest.signature
    identity = ModelIdentity("iris", "1", loaded.digest)
    with path.open("wb") as out:
        log = PredictionLog(out.write, **options)
        for place, rows in enumerate(requests):
            outcome = (OK, identity, Call(rows, single=True), predictor.predict(rows))
            asked = f"r{place}", trace_of({}), "native"
            log.record(Outcome(0.0, *asked, outcome[0], 0.001, *outcome[1:]), signature.names)
    return path


@pytest.fixture(scope="module")
def log(bundles, requests, tmp_path_factory):
    return write_log(bundles / "served", requests, tmp_path_factory.mktemp("log") / "predictions.log")


@pytest.fixture
def replay(capfd):
    """Run the command; return its exit code, what it reports as JSON, and stderr."""

    def call(*arguments, document=True):
        words = ["replay", *map(str, arguments), *(["--json"] if document else [])]
        code = main(words, {})
        out, err = capfd.readouterr()
        return code, json.loads(out) if document and out else out, err

    return call


def test_what_was_served_is_reproduced_to_the_last_bit(replay, log, bundles):
    """10,000 logged predictions are identical."""
    code, found, _ = replay(log, "--model", bundles / "served")

    assert 0 == code
    assert REQUESTS == found["requests"]
    assert REQUESTS * 12 // 10 == found["rows"] == found["identical"]
    assert ({}, [], []) == (found["not_replayed"], found["label_changes"], found["largest"])


def test_every_difference_of_a_mutated_bundle_is_found(replay, log, bundles, requests, tmp_path):
    """The counts, the changes of labels and the largest are those that numpy finds in the estimators' own answers."""
    code, found, _ = replay(log, "--model", bundles / "mutated", "--plot", tmp_path / "plot.svg")

    rows = np.concatenate(requests)
    old, new = (fitted(change).predict_proba(rows) for change in (0.0, 0.5))
    labels = [np.array(["a", "b", "c"])[each.argmax(axis=1)] for each in (old, new)]
    sizes, changed = np.abs(new - old).max(axis=1), labels[0] != labels[1]
    assert 3 == code
    assert np.count_nonzero(sizes > 1e-9) == found["different"]
    assert len(rows) == found["identical"] + found["close"] + found["different"]
    assert changed.any()
    assert changed.sum() == found["changed_labels"] == sum(each["rows"] for each in found["label_changes"])
    assert len(rows) == sum(each["rows"] for each in found["score_differences"])
    expected = sorted((sizes + changed).tolist(), reverse=True)[:20]
    shown = [each["size"] + (each["before"] != each["now"]) for each in found["largest"]]
    assert shown == pytest.approx(expected, abs=1e-9)
    image = xml.etree.ElementTree.parse(tmp_path / "plot.svg")
    assert 2000 == len(image.findall(".//{http://www.w3.org/2000/svg}circle"))


def test_the_report_is_a_table_for_a_person(replay, log, bundles, tmp_path):
    """It has the share of changed labels, the differences of scores, and request ids."""
    (tmp_path / "log").write_text("".join(log.read_text().splitlines(keepends=True)[:500]))

    code, said, _ = replay(tmp_path / "log", "--model", bundles / "mutated", document=False)

    assert 3 == code
    for words in ("changed labels", "label as logged", "difference of score", "request id"):
        assert words in said


def test_the_files_of_a_rotated_log_are_replayed_together(replay, log, bundles, tmp_path):
    """In any order, compressed or not; a model that is another one is found in all of them."""
    lines = log.read_bytes().splitlines(keepends=True)
    (tmp_path / "log").write_bytes(b"".join(lines[:100]))
    (tmp_path / "log.1").write_bytes(b"".join(lines[100:200]))
    (tmp_path / "log.2.gz").write_bytes(gzip.compress(b"".join(lines[200:300])))

    code, found, _ = replay(*sorted(tmp_path.iterdir(), reverse=True), "--model", bundles / "served")

    assert (0, 300, found["rows"]) == (code, found["requests"], found["identical"])


def test_what_cannot_be_replayed_is_said_with_the_reason(replay, bundles, requests, tmp_path):
    """Lines of something else are skipped; failures, redacted and missing rows are counted by reason."""
    served = bundles / "served"
    whole = write_log(served, requests[1:3], tmp_path / "whole")
    redacted = write_log(
        served, requests[:2], tmp_path / "redacted", redaction=Redaction(load(served).manifest.signature.names[:1])
    )
    cut = write_log(served, requests[:1], tmp_path / "cut", most_rows=2)
    empty = write_log(served, requests[:3], tmp_path / "empty", most_rows=0)
    failed = {"time": "", "request_id": "f", "model": None, "protocol": "native", "code": "invalid_json"}
    docker = json.dumps({"log": whole.read_text().splitlines()[0] + "\n", "stream": "stdout"})
    hostile = json.loads(whole.read_text().splitlines()[0])
    lines = [
        *(path.read_text() for path in (whole, redacted, cut, empty)),
        f"{json.dumps(failed)}\n",
        f"Starting the server …\n2026-11-26T10:00:00Z stdout F {whole.read_text()}",
        f'{docker}\n{{"time": 1}}\n[1, 2]\n{whole.read_text()[:200]}\n',
        *(f"{json.dumps({**hostile, **change})}\n" for change in HOSTILE),
    ]
    with gzip.open(tmp_path / "all.log.gz", "wt") as out:
        out.writelines(lines)

    code, found, _ = replay(tmp_path / "all.log.gz", "--model", served)

    assert 0 == code
    assert 2 + 1 + 2 + 1 == found["requests"]
    assert 1 == found["truncated"]
    counts = {reason.partition(":")[0].partition(" (")[0]: count for reason, count in found["not_replayed"].items()}
    assert 2 == counts["features are redacted"]
    assert 3 == counts["no rows are logged"]
    assert 1 == counts["the request failed, so its inputs are not logged"]
    assert 3 == counts["no line of a prediction"]
    assert len(HOSTILE) + 1 == sum(found["not_replayed"].values()) - 9


DAYS = pd.DataFrame(
    {
        "since": pd.to_datetime(["2020-01-01", "2021-06-05"] * 20),
        "zip": ["01234", "é"] * 20,
        "size": [1.5, None, 2.5, 4.0] * 10,
    }
)
TEXTS = ["a b", "bb\n c"] * 9
MIXED = make_column_transformer((OneHotEncoder(), ["since", "zip"]), (SimpleImputer(), ["size"]))
KINDS = {
    "numbers": (LinearRegression().fit(ROWS, ROWS[:, :1] / 3), ROWS),
    "several numbers": (DecisionTreeRegressor(max_depth=3).fit(ROWS, ROWS / 3), ROWS),
    "several labels": (DecisionTreeClassifier(max_depth=2).fit(ROWS, np.c_[LABELS, LABELS == 2]), ROWS),
    "no probabilities": (LinearSVC().fit(ROWS, LABELS), ROWS),
    "dates, strings, missing values": (make_pipeline(MIXED, LogisticRegression()).fit(DAYS, [0, 1, 1, 0] * 10), DAYS),
    "texts": (make_pipeline(CountVectorizer(), LogisticRegression()).fit(TEXTS, ["x", "y"] * 9), TEXTS),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_model_is_reproduced(replay, tmp_path, kind):
    """Whatever the cells and the answers are, what the log has of them is enough."""
    estimator, data = KINDS[kind]
    bundle = tmp_path / "bundle"
    loaded = pack(estimator, bundle, name="kind", data=data, compiled=False)
    rows = make_rows(loaded.manifest.golden.rows, loaded.manifest.signature)
    log = write_log(bundle, [rows[:1], rows[1:4], rows[4:9]], tmp_path / "log")

    code, found, said = replay(log, "--model", bundle)

    assert (0, 9, 9) == (code, found["rows"], found["identical"]), (found, said)


HOSTILE = (
    {"inputs": [["x", 1, 2, 3]]},
    {"inputs": [[1]]},
    {"inputs": {"a": 1}},
    {"predictions": []},
    {"probabilities": [["a", {}, None]]},
    {"probabilities": [[1]]},
    {"model": 1},
    {"rows": "many"},
)


@pytest.mark.parametrize("content", ["", "nothing\n" * 3])
def test_a_log_without_predictions_is_refused(replay, bundles, tmp_path, content):
    """One line says that there is nothing to replay."""
    (tmp_path / "log").write_text(content)

    code, found, said = replay(tmp_path / "log", "--model", bundles / "served")

    assert (1, "", 1) == (code, found, len(said.splitlines()))
    assert "has no prediction that could be replayed" in said


def test_a_bundle_that_refuses_every_row_is_no_success(replay, log, tmp_path):
    """The report has the reason, and the exit code says that nothing was compared."""
    other = LinearRegression().fit(ROWS[:, :1], LABELS)
    pack(other, tmp_path / "other", name="other", data=ROWS[:, :1], compiled=False)

    code, found, _ = replay(log, "--model", tmp_path / "other")

    assert (1, 0, 0) == (code, found["requests"], found["rows"])
    assert all(reason.startswith("this bundle refuses the rows") for reason in found["not_replayed"])


def test_a_log_that_is_not_there_is_said(replay, bundles, tmp_path):
    """One line names the file, without Python's words for it."""
    code, _, said = replay(tmp_path / "log", "--model", bundles / "served")

    assert (1, f"ml-service: error: {tmp_path / 'log'}: No such file or directory; check the path.\n") == (code, said)
