"""Columns of every kind that people fit on: served as scikit-learn answers in every format, or refused at packing."""

import datetime
import re
from contextlib import nullcontext
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier

from model.errors import PackingWarning, UnsupportedEstimator
from model.packing.pack import pack
from tests.conftest import ROOT
from tests.dialects import Table
from tests.dialecttable import DIALECTS, VERTEX
from tests.http.conftest import Server

LABELS = np.array([0, 1, 1, 0] * 10)
LENIENT, STRICT = OneHotEncoder(handle_unknown="ignore"), OneHotEncoder()
CODED = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
FILLED = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
NONE_FILLED = make_pipeline(SimpleImputer(missing_values=None, strategy="most_frequent"), OneHotEncoder())
NA_FILLED = make_pipeline(SimpleImputer(missing_values=pd.NA, strategy="most_frequent"), OneHotEncoder())
TRUTHS, NUMBERS, STRINGS = [True, False, None, True], [1.5, 2.0, None, 1.5], ["a", "b", None, "a"]


def nan(cells):
    return [np.nan if cell is None else cell for cell in cells]


def frame(cells, dtype=object):
    """Return a column of the cells, repeated, and one of numbers."""
    return pd.DataFrame({"c": pd.Series(cells * 10, dtype=dtype), "x": np.arange(40.0) % 7})


def fitted(encoder, rows):
    return make_pipeline(make_column_transformer((encoder, ["c"]), remainder="passthrough"), LogisticRegression()).fit(
        rows, LABELS
    )


# By name: the encoder, the column that it is fitted on, and the cells as JSON has them.
SERVED = {
    "booleans and NaN, lenient": (LENIENT, frame(nan(TRUTHS)), TRUTHS),
    "booleans and NaN, strict": (STRICT, frame(nan(TRUTHS)), TRUTHS),
    "booleans and NaN, filled": (FILLED, frame(nan(TRUTHS)), TRUTHS),
    "booleans and None": (STRICT, frame(TRUTHS), TRUTHS),
    "pandas' booleans and NA": (STRICT, frame(TRUTHS, "boolean"), TRUTHS),
    "numbers and None": (STRICT, frame(NUMBERS), NUMBERS),
    "numbers and None, lenient": (LENIENT, frame(NUMBERS), NUMBERS),
    "numbers and None, filled": (NONE_FILLED, frame(NUMBERS), NUMBERS),
    "number objects and NaN": (STRICT, frame(nan(NUMBERS)), NUMBERS),
    "pandas' integers and NA": (STRICT, frame([1, 2, None, 1], "Int64"), [1, 2, None, 1]),
    "strings and None": (STRICT, frame(STRINGS), STRINGS),
    "strings and NaN": (STRICT, frame(nan(STRINGS)), STRINGS),
    "categories and NaN": (STRICT, frame(STRINGS, "category"), STRINGS),
    "Arrow's strings": (STRICT, frame(["a", "b", "b", "a"], "string[pyarrow]"), ["a", "b", "b", "a"]),
    "Arrow's booleans": (STRICT, frame([True, False] * 2, "bool[pyarrow]"), [True, False] * 2),
    "categories of numbers": (STRICT, frame([1, 2, 2, 1], "category"), [1, 2, 2, 1]),
}


ZONED = pd.to_datetime(["2020-01-01T00:00", "2020-06-01T12:30", "2020-06-01T12:30", "2021-01-01T00:00"]).tz_localize(
    "Europe/Oslo"
)
DAYS = [datetime.date(2020, 1, 1), datetime.date(2021, 5, 5)] * 2
TIMES = [datetime.datetime(2020, 1, 1), datetime.datetime(2021, 5, 5, 12, 30)] * 2  # noqa: DTZ001  # without a zone
INSTANTS = ["2020-01-01T00:00+01:00", "2020-06-01T10:30", "2020-06-01T10:30:00Z", "2020-12-31T23:00"]
SERVED |= {
    "times with a zone": (CODED, frame(ZONED.tolist(), ZONED.dtype), INSTANTS),
    "times with a zone, lenient": (LENIENT, frame(ZONED.tolist(), ZONED.dtype), INSTANTS),
    "objects with a zone": (CODED, frame(ZONED.tolist()), INSTANTS),
    "days": (CODED, frame(DAYS), ["2020-01-01", "2021-05-05T00:00", "2020-01-01", "2021-05-05"]),
    "times": (CODED, frame(TIMES), ["2020-01-01", "2021-05-05T12:30"] * 2),
    "pandas.NA, filled": (NA_FILLED, frame(STRINGS, "string"), STRINGS),
}


@pytest.mark.parametrize("with_data", [True, False], ids=["with data", "without"])
@pytest.mark.parametrize("name", SERVED)
def test_every_protocol_answers_what_scikit_learn_does(tmp_path, name, with_data):
    """Labels and probabilities equal those of the estimator in memory, in every format, for missing values too.

    Without data, when the estimator alone tells the kinds of its columns, one format speaks for the others.
    """
    encoder, rows, cells = SERVED[name]
    estimator = fitted(encoder, rows)
    loaded = pack(
        estimator,
        tmp_path / "bundle",
        name="case",
        data=rows if with_data else None,
        compiled=name == "numbers and None",
    )
    truths = isinstance(cells[0], bool)
    kinds = [feature.dtype for feature in loaded.manifest.signature.features]
    said = [[float(cell) if truths and kinds[0] == "float64" and cell is not None else cell] for cell in cells]
    table = Table(["c", "x"], kinds, [[*cell, x] for cell, x in zip(said, rows["x"], strict=False)])
    server = Server(tmp_path / "bundle", PREDICT_ROUTE=VERTEX)
    wanted = estimator.predict_proba(rows[:4])

    answer = server.predict({"instances": table.rows}).json

    np.testing.assert_allclose(answer["probabilities"], wanted, rtol=1e-12)
    for dialect in (each for each in DIALECTS if with_data and each.name != "v2, raw" and each.can(table)):
        question = dialect.ask(table)
        found = server.client.post(question.path, data=question.body, headers=question.headers)
        assert (200, answer["predictions"]) == (found.status_code, dialect.read(found.data, found.headers)[0])


# By name: a column that no request can express, and how the refusal describes it.
REFUSED = {
    "durations": (pd.to_timedelta([1, 2] * 2, unit="h").tolist(), "timedelta64[ns]", "timedelta64"),
    "durations in seconds": ([1, 2] * 2, "timedelta64[s]", "timedelta64"),
    "periods": (pd.period_range("2020-01", periods=4, freq="M").tolist(), None, "Period"),
    "intervals": (pd.interval_range(0, 4).tolist(), None, "Interval"),
    "categories of intervals": (pd.interval_range(0, 4).tolist(), "category", "Interval"),
    "decimals": ([Decimal("0.1"), Decimal("0.2")] * 2, object, "Decimal"),
    "fractions": ([Fraction(1, 2), Fraction(1, 3)] * 2, object, "Fraction"),
    "bytes": ([b"a", b"b"] * 2, object, "bytes"),
    "times of day": ([datetime.time(1), datetime.time(2)] * 2, object, "time"),
    "days and missing values": ([datetime.date(2020, 1, 1), None] * 2, object, "missing values among dates"),
    "sets": ([frozenset([1]), frozenset([2])] * 2, object, "frozenset"),
}


@pytest.mark.parametrize("with_data", [True, False], ids=["with data", "without"])
@pytest.mark.parametrize("encoder", [CODED, STRICT], ids=["lenient", "strict"])
@pytest.mark.parametrize("name", REFUSED)
def test_columns_that_no_request_can_express_are_refused_at_packing(tmp_path, name, encoder, with_data):
    """The refusal names the column and what it contains, also without data, when the encoder's categories tell."""
    cells, dtype, kind = REFUSED[name]
    rows = frame(cells, dtype)

    with pytest.raises(UnsupportedEstimator, match=f"the column 'c' contains {kind}"):
        pack(fitted(encoder, rows), tmp_path / "bundle", name="case", data=rows if with_data else None)


def test_a_column_with_two_kinds_of_missing_values_is_refused(tmp_path):
    """JSON has only null: an encoder that tells None from NaN would be given one for the other."""
    estimator = fitted(LENIENT, frame(["a", None, np.nan, "b"]))

    with pytest.raises(UnsupportedEstimator, match="the column 'c' contains both None and NaN"):
        pack(estimator, tmp_path / "bundle", name="case")


def hours(frame):
    """Return the hour of the day in the column's own time zone."""
    return frame[["c"]].apply(lambda cells: cells.dt.hour)


@pytest.mark.parametrize(("zone", "refused"), [("UTC", False), ("Europe/Oslo", True)])
def test_own_code_that_reads_local_times_is_refused_with_the_remedy(tmp_path, zone, refused):
    """The model is given times in UTC: code that was fitted on them in another zone would answer differently."""
    times = pd.Series(pd.date_range("2020-01-01", periods=40, freq="h", tz="UTC")).dt.tz_convert(zone)
    rows = pd.DataFrame({"c": times, "x": np.arange(40.0)})
    local = rows["c"].dt.hour > 6
    code = make_column_transformer((FunctionTransformer(hours), ["c"]), remainder="passthrough")
    estimator = make_pipeline(code, DecisionTreeClassifier()).fit(rows, local)
    reason = pytest.raises(UnsupportedEstimator, match=r"'c' is in UTC and without a zone.*fit on that")

    with reason if refused else nullcontext():
        pack(estimator, tmp_path / "bundle", name="case", data=rows, code=ROOT)


def test_a_strict_encoder_of_days_refuses_others(tmp_path):
    """A strict encoder of dates is packed with its data; a date that it does not know is refused by name."""
    rows = frame(DAYS)
    pack(fitted(STRICT, rows), tmp_path / "bundle", name="case", data=rows)
    server = Server(tmp_path / "bundle")

    codes = [server.predict({"features": [day, 1.0]}).status_code for day in ("2021-05-05", "2021-05-06")]

    assert [200, 422] == codes


@pytest.mark.parametrize(
    "cells",
    [np.array([1, 2] * 20, "m8[ns]"), np.array([1, 2j] * 20), np.array([b"a", b"b"] * 20), np.zeros(40, "V4")],
    ids=["durations", "complex numbers", "bytes", "void"],
)
def test_data_that_no_request_can_express_are_refused_even_if_the_model_says_nothing(tmp_path, cells):
    """Durations are not integers: a model whose own steps read them would be given other values."""
    estimator = make_pipeline(FunctionTransformer(np.ones_like), LogisticRegression()).fit(np.ones((40, 1)), LABELS)

    with pytest.raises(UnsupportedEstimator, match=re.escape(f"'x0' contains {cells.dtype}")):
        pack(estimator, tmp_path / "bundle", name="case", data=cells.reshape(-1, 1))


@pytest.mark.parametrize(
    "container", [lambda rows: rows, lambda rows: rows.to_numpy(), lambda rows: rows.to_numpy().tolist()]
)
def test_training_rows_with_infinity_are_left_out(tmp_path, container):
    """A model that copes with infinity is packed with the rows that a request can express; a warning counts others."""
    rows = container(pd.DataFrame({"a": [np.inf, 1.0, 2.0, -np.inf] * 10, "b": np.arange(40.0)}))
    estimator = HistGradientBoostingClassifier(max_iter=3).fit(rows, LABELS)

    with pytest.warns(PackingWarning, match="20 of 40 rows of the data contain infinity"):
        loaded = pack(estimator, tmp_path / "bundle", name="case", data=rows)

    assert 20 == len(loaded.manifest.golden.rows)
    assert [[1.0, 1.0], [2.0, 2.0]] == loaded.manifest.golden.rows[:2]


def test_data_of_nothing_but_infinity_are_refused(tmp_path):
    """Data without a row that a request can express are refused."""
    rows = pd.DataFrame({"a": [np.inf] * 40})
    estimator = HistGradientBoostingClassifier(max_iter=3).fit(rows, LABELS)

    with pytest.raises(UnsupportedEstimator, match="'a' contains infinity"):
        pack(estimator, tmp_path / "bundle", name="case", data=rows)


def test_a_column_that_the_data_have_twice_is_refused_by_name(tmp_path):
    """A name that the model takes must be unique in the data; other duplicates are ignored like other columns."""
    rows = frame(["a", "b"] * 2)
    twice, other = pd.concat([rows, rows[["x"]]], axis=1), pd.concat([rows, rows[["x"]].add_prefix("y")], axis=1)
    estimator = fitted(LENIENT, rows)

    with pytest.raises(UnsupportedEstimator, match="several columns of the name 'x'"):
        pack(estimator, tmp_path / "bundle", name="case", data=twice)
    other = pd.concat([other, other[["yx"]]], axis=1)
    assert ("c", "x") == pack(estimator, tmp_path / "bundle", name="case", data=other).manifest.signature.names
