"""JSON rows: valid ones become the array that a model takes, and others the problems that an answer lists."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.columns import parse_datetime
from model.signature import Feature, Signature
from service.errors import TABLE, InvalidRows
from service.validation.cells import CellReader
from service.validation.json_rows import RowReader
from service.validation.request_schema import RequestSchema


def signature(*features, layout="matrix"):
    return Signature(features, layout, "regressor", None, None, False)


SIGNATURE = signature(Feature("a"), Feature("b/c"), Feature("d~e", nullable=True))
READER = RowReader(SIGNATURE, 5)
SCHEMA = RequestSchema(READER)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1)
ROWS = st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS | st.none()).map(list), min_size=1, max_size=5)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["a", "b/c", "d~e", "x"]), inner),
    max_leaves=12,
)


@given(ROWS)
def test_valid_rows_become_float64(rows):
    """Every number, and null where it is allowed, in the order given."""
    expected = np.array([[np.nan if cell is None else float(cell) for cell in row] for row in rows])

    np.testing.assert_array_equal(expected, READER.read(rows, ""))


@given(ROWS, st.permutations(SIGNATURE.names))
def test_rows_by_name_equal_rows_by_position_in_any_order(rows, order):
    """The names of a row may come in any order."""
    named = [{name: dict(zip(SIGNATURE.names, row, strict=True))[name] for name in order} for row in rows]

    np.testing.assert_array_equal(READER.read(rows, ""), READER.read(named, ""))


@given(st.dictionaries(st.sampled_from(["features", "instances", "other"]), JSON) | JSON)
def test_any_json_is_either_rows_or_problems_from_the_table(document):
    """There is no other exception, no row with a missing cell, and no code without a status."""
    codes, rows, count = set(), np.zeros((0, 3)), 0
    try:
        rows, single, _ = SCHEMA.load(document)
        count = 1 if single else len(document["instances"])
    except InvalidRows as error:
        codes = {error.code, *(problem.code for problem in error.problems)}

    assert codes <= TABLE.keys()
    assert (count, 3) == rows.shape
    assert rows.dtype == np.float64
    assert np.isfinite(rows[:, :2]).all()


@pytest.mark.parametrize(
    ("row", "pointer"),
    [([1, True, 1], "/1"), ({"a": 1, "b/c": "x", "d~e": 1}, "/b~1c"), ({"a": 1, "b/c": 1, "d~e": "x"}, "/d~0e")],
)
def test_pointers_are_json_pointers(row, pointer):
    """Slashes and tildes in names are escaped (RFC 6901)."""
    with pytest.raises(InvalidRows) as caught:
        READER.read([row], "/features", single=True)

    assert f"/features{pointer}" == caught.value.problems[0].pointer


def test_a_long_string_is_shortened_in_a_problem():
    """An answer does not repeat what it was sent."""
    with pytest.raises(InvalidRows) as caught:
        READER.read([["x" * 1000, 1, 1]], "/instances")

    assert len(caught.value.problems[0].got) < 80


def test_a_model_of_one_feature_is_read_like_any_other():
    """Rows are read by position and by name."""
    reader = RowReader(signature(Feature("only")), 5)

    np.testing.assert_array_equal([[1.0], [2.0]], reader.read([[1], {"only": 2}], ""))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-02-29", "2024-02-29T00:00:00"),
        ("2024-02", "2024-02-01T00:00:00"),
        ("2024-02-29 10:11", "2024-02-29T10:11:00"),
        ("2024-02-29T10:11:12.5Z", "2024-02-29T10:11:12.5"),
        ("2024-02-29T10:11:12+02:30", "2024-02-29T07:41:12"),
        ("2024-02-29T10:11:12-02", "2024-02-29T12:11:12"),
    ],
)
def test_dates_and_times_are_those_of_iso_8601(text, expected):
    """A time with an offset is converted to UTC, as models know no time zones."""
    assert np.datetime64(expected, "us") == parse_datetime(text)


@pytest.mark.parametrize(
    "text", ["now", "today", "NaT", "", "20240229", "2023-02-29", "2024-02-29T25:00", " 2024-02-29", "05.05.2024", "12"]
)
def test_a_string_that_numpy_alone_takes_for_a_date_is_invalid(text):
    """It would silently become the time of the request, a missing value, or a number of microseconds."""
    found = CellReader(Feature("since", "datetime", nullable=True)).read([text])
    assert found is None
