"""Values that the caller's own code chokes on: they are refused as such, and what is not their fault is a 500."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from model.bundle.trust import Trust
from model.columns import parse_cells
from model.loading import load
from model.packing.pack import pack
from service.serving.served_model import ServedModel
from tests.conftest import ROOT
from tests.dialects import Table
from tests.dialecttable import DIALECTS, VERTEX
from tests.http.conftest import Server

ROWS = pd.DataFrame({"since": ["2020-01-01", "2021-05-05", "2019-02-03", "2022-01-01"] * 10, "x": np.arange(40.0)})
LABELS = np.array([0, 1, 0, 1] * 10)
BAD = [["2020-01-01", 1.0], ["2021-05-05", 2.0], ["banana", 3.0], ["2020-01-01", 4.0]]
LOOKED_UP = {"2020-01-01": 1.0, "2021-05-05": 2.0, "2019-02-03": 3.0, "2022-01-01": 4.0}


def days(rows):
    """Parse dates: ValueError for anything else."""
    return np.array([[np.datetime64(cell).astype("M8[D]").astype(float)] for cell in np.ravel(rows)])


def looked_up(rows):
    """Look strings up: KeyError for an unknown one."""
    return np.array([[LOOKED_UP[cell]] for cell in np.ravel(rows)])


def letters(rows):
    """Divide by the number of digits: ZeroDivisionError without any."""
    return np.array([[len(cell) / sum(map(str.isdigit, cell))] for cell in np.ravel(rows)])


def framed(rows):
    """Parse dates of a data frame, by pandas' own parser."""
    return pd.to_datetime(rows["since"], format="%Y-%m-%d").dt.day.to_numpy(dtype=float).reshape(-1, 1)


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Pack a model with the function as a step on strings, once."""

    @cache
    def make(function):
        columns = make_column_transformer((FunctionTransformer(function), ["since"]), ("passthrough", ["x"]))
        estimator = make_pipeline(columns, LogisticRegression(max_iter=1000)).fit(ROWS, LABELS)
        bundle = tmp_path_factory.mktemp("own") / "bundle"
        pack(estimator, bundle, name="case", data=ROWS, code=ROOT)
        return bundle

    return make


@pytest.fixture
def serve_own(packed, iris_bundle):
    """Make a server of a model with the function as a step on strings."""

    def make(function):
        server = Server(iris_bundle, PREDICT_ROUTE=VERTEX)
        server.model.current = ServedModel.of(load(packed(function), Trust(code=ROOT)), 0.0, 100)
        return server

    return make


def test_a_good_row_is_answered(serve_own):
    """The rows that the code takes are answered."""
    assert 200 == serve_own(days).predict({"features": BAD[0]}).status_code


@pytest.mark.parametrize("function", [days, looked_up, letters, framed], ids=lambda each: each.__name__)
def test_a_value_that_own_code_chokes_on_is_named(serve_own, caplog, function):
    """It is a 422 that says row and feature, whatever the code raises; the log has the code's own words."""
    caplog.set_level("INFO")

    answer = serve_own(function).predict({"instances": BAD})

    assert (422, "value_refused") == (answer.status_code, answer.json["code"])
    assert answer.json["detail"].endswith("It is in row 2, counted from 0, for 'since'.")
    assert "banana" not in answer.json["detail"]
    assert "refused a value" in caplog.text


def test_every_protocol_refuses_the_value(serve_own):
    """Every protocol and format answers 422 or, in its own shape, 400."""
    server, table = serve_own(days), Table(["since", "x"], ["string", "float64"], BAD)

    for dialect in (each for each in DIALECTS if each.name != "v2, raw"):
        question = dialect.ask(table)
        answer = server.client.post(question.path, data=question.body, headers=question.headers)
        assert (422 if dialect.protocol == "native" else 400) == answer.status_code, dialect.name
        assert b"value_refused" in answer.data
        assert b"in row 2" in answer.data


def test_code_that_fails_for_good_rows_too_is_the_servers_fault(serve_own, monkeypatch):
    """If the golden rows fail as well, the values are not at fault: a 500, which operators are alerted to."""
    server = serve_own(looked_up)
    monkeypatch.setattr("tests.http.test_own_code_refusals.LOOKED_UP", {})

    answer = server.predict({"features": BAD[0]})

    assert (500, "internal_error") == (answer.status_code, answer.json["code"])


class Failing:
    """An engine that fails for rows of which the first number is 3, by raising what it is given to raise."""

    name = "failing"
    further = ()

    def __init__(self, engine, fail):
        self.engine, self.fail = engine, fail

    def predict(self, rows, further=()):
        if 3.0 in rows[:, 0]:
            self.fail()
        return self.engine.predict(rows, further)


def missing_file():
    raise FileNotFoundError("a file that the code reads")


def too_deep():
    raise RecursionError


@pytest.mark.parametrize(
    "fail", [missing_file, too_deep, lambda: parse_cells(["x"], "datetime")], ids=["file", "recursion", "our own code"]
)
def test_an_error_that_no_value_explains_is_the_servers_fault(serve, iris_bundle, fail):
    """Other kinds of errors, and those that our own modules raise, are never blamed on the caller."""
    server, loaded = serve(), load(iris_bundle)
    server.model.current = ServedModel.of(replace(loaded, engine=Failing(loaded.engine, fail)), 0.0, 100)

    answers = [server.predict({"features": [first, 1.0, 1.0, 1.0]}).status_code for first in (1.0, 3.0)]

    assert [200, 500] == answers
