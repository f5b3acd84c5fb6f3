"""service.monitoring.redaction: what is left out of rows and texts, in bounded time."""

import time

import numpy as np
import pytest

from service.errors import InvalidRows, Problem, describe
from service.monitoring.redaction import MASK, Redaction

EMAIL = r"[\w.+-]+@[\w.-]+"
NAMES = ("a", "b", "c")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("write to jo@example.org, or call", f"write to {MASK}, or call"),
        ("äöü \U0001f600 jo@example.org ü \x00", f"äöü \U0001f600 {MASK} ü \x00"),
        ("a@b c@d", f"{MASK} {MASK}"),
        ("\ud800 a@b", f"\ud800 {MASK}"),
        ("nothing", "nothing"),
        ("", ""),
    ],
    ids=["one", "not ASCII", "two", "a surrogate", "none", "empty"],
)
def test_what_matches_is_replaced_and_the_rest_stays(text, expected):
    """Each match, wherever it is."""
    assert expected == Redaction(pattern=EMAIL).text(text)


def test_rows_are_masked_cell_by_cell():
    """A string keeps what does not match; a number that matches as it is written is null; the features are named."""
    rows = np.array([["jo@x.org!", 4111111111111111.0, True], ["fine", 12.5, None]], dtype=object)

    cells, left_out = Redaction(pattern=rf"{EMAIL}|^\d{{16}}$").rows(rows, NAMES)

    assert [[f"{MASK}!", None, True], ["fine", 12.5, None]] == cells
    assert ["a", "b"] == left_out


def test_names_and_pattern_add_up():
    """The column that is named is empty, what matches in the others is masked; the caller's rows stay as they are."""
    rows = np.array([[1.0, 123.0, 2.0]])

    cells, left_out = Redaction(["c"], "123").rows(rows, NAMES)

    assert "[[1.0, None, nan]]" == str(cells)
    assert (["b", "c"], [[1.0, 123.0, 2.0]]) == (left_out, rows.tolist())


@pytest.mark.parametrize("pattern", ["(", "a*", "^", "(?=a)b", r"\1"])
def test_a_pattern_that_is_none_or_matches_nothing_is_refused(pattern):
    """Also what RE2 cannot search in linear time."""
    with pytest.raises(ValueError, match=r".+"):
        Redaction(pattern=pattern)


@pytest.mark.parametrize(
    "text",
    ["a" * 1_000_000 + "!", "a@b " * 250_000, "@" * 1_000_000, ("x" * 60 + "@") * 16_000],
    ids=["the pattern's own letter", "matches", "ends", "starts"],
)
def test_no_value_makes_a_pattern_slow(text):
    """A pattern that takes a backtracking engine for ever takes a second for a megabyte, on a busy machine."""
    redaction = Redaction(pattern=r"([a-zA-Z0-9])(([.\-_]?[a-zA-Z0-9]+)*)+@([a-z]+\.)*[a-z]+$|a@b")
    start = time.process_time()

    redaction.text(text)

    assert time.process_time() - start < 2


def test_a_value_that_a_message_cuts_off_is_not_in_it():
    """The part that is left of it may not match, and yet be too much."""
    secret = "x" * 30 + "4111111111111111"
    problem = Problem("invalid_value", "/features/1", "a number", f"the string {secret[:40]!r}…", "b")
    failure = describe(InvalidRows((problem,)))

    assert "4111" in Redaction().detail(failure)
    assert "/features/1: expected a number, got a value that is not logged." == Redaction(pattern=r"\d{16}").detail(
        failure
    )
