"""The JSON Schemas of cells say what the readers of cells take."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.signature import Feature
from service.openapi.row_schemas import DATETIME, cell_schema
from service.validation.cells import CellReader


@given(
    st.datetimes(timezones=st.none() | st.timezones()),
    st.sampled_from(["auto", "minutes", "seconds", "milliseconds", "microseconds"]),
    st.sampled_from(["T", " "]),
)
def test_dates_and_times_match_the_pattern(moment, precision, separator):
    """What Python writes in ISO 8601 matches, as a day, a month and a time, unless its offset has seconds."""
    text = moment.isoformat(separator, precision)

    matches = re.search(DATETIME, text) is not None
    assert matches or re.search(r"[+-]\d\d:\d\d:\d\d", text)
    assert re.search(DATETIME, text[:10])
    assert re.search(DATETIME, text[:7])


@settings(max_examples=10)  # strings of an expression are slow to make
@given(st.from_regex(DATETIME.replace("$", r"\Z")))
def test_what_matches_the_pattern_is_taken(text):
    """The reader parses every string that the schema allows."""
    assert CellReader(Feature("d", "datetime")).accepts(text)


@pytest.mark.parametrize(
    "text", ["2023-02-29", "2024-02-30", "2024-13", "0000-01-01", "24-01-01", "2024-01-01T24:00", "1900-02-29", "x"]
)
def test_what_is_no_date_matches_not(text):
    """Neither the reader nor the schema takes it, but for days of leap years that are none."""
    assert not CellReader(Feature("d", "datetime")).accepts(text)
    assert not re.search(DATETIME, text)


@pytest.mark.parametrize(
    ("feature", "schema"),
    [
        (Feature("a"), {"type": "number"}),
        (Feature("a", nullable=True), {"type": ["number", "null"]}),
        (Feature("a", "any", nullable=True), {"type": ["number", "boolean", "string", "null"]}),
        (Feature("a", "string", categories=("x", "y")), {"type": "string", "enum": ["x", "y"]}),
        (Feature("a", nullable=True, categories=(1, 2)), {"type": ["number", "null"], "enum": [1, 2, None]}),
    ],
)
def test_a_cell_is_described_by_type_null_and_categories(feature, schema):
    """Categories are listed only where the model refuses others; the signature has them only then."""
    assert schema == cell_schema(feature)


def test_too_many_categories_are_named_but_not_listed():
    """The first ones, how many there are, and where to find them all."""
    schema = cell_schema(Feature("a", "string", categories=("x", "y", "z")), lists_categories=False)

    assert "Expected one of 'x', 'y', 'z' for 'a'. GET /model lists them all." == schema["description"]
    assert "enum" not in schema
