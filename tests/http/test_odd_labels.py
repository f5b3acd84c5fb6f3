"""Labels of every type that classifiers can have: each protocol answers them as they are, or packing refuses them."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier
from sklearn.naive_bayes import GaussianNB

from model.bundle.trust import Trust
from model.errors import UnsupportedEstimator
from model.loading import load
from model.packing.pack import pack
from service.serving.served_model import ServedModel
from tests.conftest import ROOT
from tests.dialects import NPY, V2, Table, post
from tests.dialecttable import DIALECTS, VERTEX
from tests.http.conftest import Server

ROWS = np.array([[-2.0, -1.0], [-1.0, -2.0], [1.0, 2.0], [2.0, 1.0]] * 10)
ASKED = Table(["x0", "x1"], ["float64", "float64"], ROWS[:4].tolist())
LONG = "é" * 2000
# How a pair of labels was fitted, and how they are answered: in JSON, and where all have one type.
LABELS = {
    "uint64": (np.array([3, 2**64 - 1], dtype=np.uint64), [3, 2**64 - 1]),
    "int64": (np.array([-(2**63), 2**63 - 1]), [-(2**63), 2**63 - 1]),
    "booleans": (np.array([False, True]), [False, True]),
    "days": (np.array(["2020-01-01", "2021-05-05"], dtype="M8[D]"), ["2020-01-01", "2021-05-05"]),
    "times": (
        pd.Series([pd.Timestamp("2020-01-01"), pd.Timestamp("2021-05-05 12:30:00.5")]),
        ["2020-01-01T00:00:00", "2021-05-05T12:30:00.500000"],
    ),
    "nanoseconds": (
        np.array(["2020-01-01T00", "2021-05-05T12"], dtype="M8[ns]"),
        ["2020-01-01T00:00:00", "2021-05-05T12:00:00"],
    ),
    "long strings": (np.array(["", LONG]), ["", LONG]),
    "string objects": (np.array(["a", 'b,\n"c'], dtype=object), ["a", 'b,\n"c']),
}


class Own(ClassifierMixin, BaseEstimator):
    """A classifier by the first number, which takes any labels, and can return a column of them."""

    def __init__(self, *, column=False):
        self.column = column

    def fit(self, rows, labels):
        self.classes_ = np.array([labels[0], labels[2]], dtype=getattr(labels, "dtype", object))
        self.n_features_in_ = rows.shape[1]
        return self

    def predict(self, rows):
        labels = self.classes_[(rows[:, 0] > 0).astype(int)]
        return labels[:, np.newaxis] if self.column else labels

    def predict_proba(self, rows):
        high = (rows[:, 0] > 0) * 0.5 + 0.25
        return np.stack([1 - high, high], axis=1)


def serve(folder, iris_bundle, estimator, labels, *, compiled=False):
    """Return a server of the fitted estimator."""
    taken = (
        labels.take([0, 0, 1, 1] * 10) if hasattr(labels, "take") else [labels[place] for place in [0, 0, 1, 1] * 10]
    )
    code = ROOT if isinstance(estimator, Own) else None
    pack(estimator.fit(ROWS, taken), folder, name="case", data=ROWS, code=code, compiled=compiled)
    server = Server(iris_bundle, PREDICT_ROUTE=VERTEX)
    server.model.current = ServedModel.of(load(folder, Trust(code=ROOT)), 0.0, 100)
    return server


def ask(server, dialect):
    question = dialect.ask(ASKED)
    answer = server.client.post(question.path, data=question.body, headers=question.headers)
    assert 200 == answer.status_code, answer.data
    return dialect.read(answer.data, answer.headers)


BARE = "sagemaker, CSV"  # whose answer the table's reader splits at commas and spaces, also inside a string
CASES = [(name, False) for name in LABELS] + [("uint64", True), ("times", True)]


@pytest.mark.parametrize(("name", "compiled"), CASES)
def test_every_protocol_answers_labels_as_they_are(tmp_path, iris_bundle, name, compiled):
    """A label keeps its value and type, and a datetime is its ISO 8601 string, with or without a compiled form."""
    fitted, wanted = LABELS[name]
    server = serve(tmp_path / "bundle", iris_bundle, GaussianNB(), fitted, compiled=compiled)
    first, second = wanted

    assert [first, first, second, second] == server.predict({"instances": ASKED.rows}).json["predictions"]
    for dialect in (each for each in DIALECTS if "string" not in name or each.name != BARE):
        assert [first, first, second, second] == ask(server, dialect)[0], dialect.name
    assert wanted == server.client.get("/model").json["classes"]


def test_unsigned_labels_have_an_unsigned_datatype(tmp_path, iris_bundle):
    """The metadata of V2 says UINT64 if a label needs it, and the .npy answer has that dtype."""
    server = serve(tmp_path / "bundle", iris_bundle, GaussianNB(), LABELS["uint64"][0])

    (labels, *_) = server.client.get("/v2/models/case").json["outputs"]
    answer = server.predict({"instances": ASKED.rows}, Accept=NPY)

    assert "UINT64" == labels["datatype"]
    assert b"('predictions', '<u8')" in answer.data


def test_labels_of_several_types_keep_them_in_json_and_are_strings_elsewhere(tmp_path, iris_bundle):
    """JSON answers 1 and "a"; formats that have one type for a column answer "1" and "a"."""
    server = serve(tmp_path / "bundle", iris_bundle, Own(), [1, "a"])

    for dialect in DIALECTS:
        typed = dialect.name.startswith(("v2", "npy", "Arrow"))
        assert ([*"11aa"] if typed else [1, 1, "a", "a"]) == ask(server, dialect)[0], dialect.name


@pytest.mark.parametrize("labels", [[1, 2], ["a", "b"]], ids=["numbers", "strings"])
def test_a_column_of_labels_is_a_label_for_each_row(tmp_path, iris_bundle, labels):
    """A classifier that returns shape (n, 1), as CatBoost does for several classes, answers one label for a row."""
    server = serve(tmp_path / "bundle", iris_bundle, Own(column=True), np.array(labels))

    assert {"prediction": labels[1], "probability": 0.75} == server.predict({"features": [2.0, 1.0]}).json
    for dialect in DIALECTS:
        assert [labels[0]] * 2 + [labels[1]] * 2 == ask(server, dialect)[0], dialect.name


@pytest.mark.parametrize("compiled", [True, False])
def test_a_classifier_of_several_outputs_that_has_one_answers_a_list(tmp_path, compiled):
    """A multi-output classifier answers a list of labels for each row, as scikit-learn does, also if it has one."""
    estimator = MultiOutputClassifier(LogisticRegression()).fit(ROWS, np.array([[0], [0], [1], [1]] * 10))
    pack(estimator, tmp_path / "bundle", name="case", data=ROWS, compiled=compiled)

    answer = Server(tmp_path / "bundle").predict({"features": [2.0, 1.0]}).json

    assert [1] == answer["prediction"]
    assert 1 == len(answer["probability"])


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (np.array([1, 2], dtype="m8[h]"), "contain timedelta64"),
        (np.array([b"a", b"b"]), "contain bytes"),
        (np.array([b"a", b"b"], dtype=object), "contain bytes"),
        (np.array([2**70, 2**71], dtype=object), "beyond 64 bits"),
        (np.array([datetime.date(2020, 1, 1), datetime.date(2021, 1, 1)], dtype=object), "contain date"),
        (np.array(["2020-01-01", "NaT"], dtype="M8[D]"), "contain datetime64"),
        (np.array(["2020-01-01T00:00:00.000000001", "2020-01-01T00:00:00"], dtype="M8[ns]"), "are equal"),
        (np.array([1, True], dtype=object), "are equal"),
        (np.array([1.0, np.nan]), "contain nan"),
        (np.array([None, "a"], dtype=object), "contain NoneType"),
        (np.array([(1, 2), "a"], dtype=object), "contain tuple"),
    ],
    ids=[
        "durations",
        "bytes",
        "byte objects",
        "large",
        "date objects",
        "NaT",
        "close",
        "equal",
        "NaN",
        "None",
        "tuple",
    ],
)
def test_labels_that_no_answer_can_hold_are_refused_at_packing(tmp_path, labels, reason):
    """Labels that JSON cannot express are refused, and the message says to convert them to strings."""
    estimator = Own().fit(ROWS, labels.take([0, 0, 1, 1] * 10))

    with pytest.raises(UnsupportedEstimator, match=f"{reason}.*convert them to strings"):
        pack(estimator, tmp_path / "bundle", name="case", data=ROWS, code=ROOT)


def test_a_rare_label_of_another_type_is_answered_even_if_no_golden_row_has_it(tmp_path, iris_bundle):
    """The type of the labels in an answer is that of all classes, and not of those that the golden rows have."""
    estimator = Own().fit(ROWS, [1, 1, "a", "a"])
    pack(estimator, tmp_path / "bundle", name="case", data=ROWS[:2], code=ROOT, compiled=False)
    server = Server(iris_bundle)
    server.model.current = ServedModel.of(load(tmp_path / "bundle", Trust(code=ROOT)), 0.0, 100)
    tensor = {"name": "x", "datatype": "FP64", "shape": [1, 2], "data": [2.0, 1.0]}

    question = post(V2, {"inputs": [tensor]})
    answer = server.client.post(question.path, data=question.body, headers=question.headers)

    assert ["a"] == json.loads(answer.data)["outputs"][0]["data"]
