"""The log on stderr: a record is one line, and nothing that it tells of can look like another."""

import logging
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.oneline import MOST, one_line
from service.monitoring.log_format import Formatter

FORGED = "x\n[2026-11-22 10:15:42,465] [7] [INFO] service: all is well\r\x1b[31m\x85\u2028\u202e\x00\x9b\x7f\udc80"
TEXTS = st.one_of(st.text(), st.just(FORGED))


class Hostile(Exception):
    def __str__(self):
        raise RuntimeError(FORGED)


def formatted(message, error=None, *arguments, name="service", **options):
    """Return the lines of one record, as a handler writes them."""
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord(name, logging.ERROR, "", 0, message, arguments, info, **options)
    text = Formatter("[%(asctime)s] [%(process)d] [%(levelname)s] %(name)s: %(message)s").format(record)
    assert not [each for each in text if unicodedata.category(each) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and each != "\n"]
    return text.split("\n")


def raised(error, cause=None):
    try:
        raise error from cause
    except BaseException as caught:  # noqa: BLE001  # whatever it is
        return caught


@given(TEXTS, TEXTS)
def test_a_record_is_one_line_whatever_it_says(text, name):
    """Messages, arguments and the names of loggers."""
    assert 1 == len(formatted("%s", None, text, name=name))


@given(TEXTS, TEXTS, TEXTS)
def test_no_line_of_a_traceback_looks_like_a_record(message, caused, noted):
    """Neither of an exception nor of what led to it, of notes, of groups, of types' names: all lines are indented."""
    strange = type(message.replace("\x00", "").encode("ascii", "ignore").decode() or "x", (Exception,), {})
    error = raised(ExceptionGroup(message, [raised(strange(caused), KeyError(caused))]), ValueError(message))
    error.add_note(noted)

    line, *further = formatted("it failed", error)

    assert line.startswith("[")
    assert all(each.startswith("  ") for each in further)


def test_a_traceback_says_where_and_why_in_the_usual_words():
    """Each exception of a chain and of a group, each call with its source."""
    first = raised(KeyError("first"))
    during = raised(ZeroDivisionError("during"))
    during.__context__, during.__suppress_context__ = first, False
    error = raised(ExceptionGroup("several", [raised(TypeError("inner"))]), during)

    text = "\n".join(formatted("it failed", error))

    words = ["KeyError: 'first'", "During handling", "ZeroDivisionError: during", "direct cause", "several", "inner"]
    places = [text.index(each) for each in words]
    assert places == sorted(places)
    assert 4 == text.count('test_logformat.py", line') == text.count("raise error from cause")


@pytest.mark.parametrize("error", [Hostile(), SyntaxError(FORGED, (FORGED, 1, 1, FORGED)), UnicodeError(FORGED)])
def test_exceptions_that_cannot_be_told_are_no_way_out(error):
    """Those that raise when asked for their text, and those that have a form of their own."""
    assert all(each.startswith("  ") for each in formatted("it failed", raised(error))[1:])


def test_long_chains_and_long_texts_are_cut():
    """A caller's megabytes, named in an exception, are not the log's."""
    error = None
    for number in range(1000):
        error = raised(ValueError(number), error)

    assert len(formatted("it failed", error)) < 200
    assert len(formatted("%s", None, "y" * 10_000_000)[0]) < MOST + 100
    assert one_line("y" * (MOST + 7)).endswith("… and 7 more characters")


def test_stacks_are_indented():
    """Those that a record is asked to have."""
    line, *further = formatted("it failed", sinfo=f"Stack:\n{FORGED}")
    assert all(each.startswith("  ") for each in further)
    assert line.startswith("[")
    assert len(further) == 3


def test_what_is_printable_stays_as_it_is():
    """Letters of all scripts, and what Python's repr has escaped already."""
    text = "température 高 😀 'a\\nb' \\ {}"
    assert text is one_line(text)
