"""service.monitoring.prediction_log: what a line holds, and what it never holds."""

import json
import sys
import unicodedata
from datetime import UTC, datetime

import numpy as np
import pytest

from model.prediction import Prediction
from service.formats import strict_json
from service.monitoring.prediction_log import Outcome, PredictionLog
from service.monitoring.redaction import Redaction
from service.protocols.base import Call, ModelIdentity
from service.tracing.context import Trace

NAMES = ("age", "income")


def outcome(request_id="r", code="ok", rows=3, label=1):
    """Make the outcome of a request of some rows."""
    call = Call(np.arange(rows * 2, dtype=float).reshape(rows, 2), single=False)
    prediction = Prediction(np.full(rows, label), np.full((rows, 2), 0.5))
    ids, model = (request_id, Trace("a" * 32, "b" * 16)), ModelIdentity("m", "1", "d" * 64)
    return Outcome(0.5, *ids, "native", code, 0.0012345, model, call, prediction)


def entries(*outcomes, **options):
    lines = []
    log = PredictionLog(lines.append, **options)
    for each in outcomes:
        log.record(each, NAMES)
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in lines)
    return [json.loads(line) for line in lines]


def test_a_line_says_everything_about_a_prediction():
    """Who asked, which model, what came in and out, how it went and how long it took."""
    assert [
        {
            "time": "1970-01-01T00:00:00.500+00:00",
            "request_id": "r",
            "trace_id": "a" * 32,
            "span_id": "b" * 16,
            "model": {"name": "m", "version": "1", "digest": "d" * 64},
            "protocol": "native",
            "code": "ok",
            "latency_ms": 1.234,
            "rows": 3,
            "inputs": [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]],
            "predictions": [1, 1, 1],
            "probabilities": [[0.5, 0.5]] * 3,
        }
    ] == entries(outcome())


@pytest.mark.parametrize("time", [0.0, 0.9999999, 59.9996, 1_700_000_000.246, 1_709_164_800.0005, 4_102_444_799.999])
def test_the_time_is_what_datetime_says(time):
    """ISO 8601 in UTC, cut off after milliseconds."""
    (entry,) = entries(Outcome(time, *outcome()[1:]))

    assert datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds") == entry["time"]


def test_only_so_many_rows_are_logged_but_all_are_counted():
    """`rows` is what was asked, however few are shown."""
    (entry,) = entries(outcome(rows=5), most_rows=2)

    assert (5, 2, 2, 2) == (entry["rows"], *(len(entry[key]) for key in ("inputs", "predictions", "probabilities")))


def test_redacted_features_are_never_written():
    """The column is empty; the others stay."""
    (entry,) = entries(outcome(rows=2), redaction=Redaction(["income"]))

    assert [[0.0, None], [2.0, None]] == entry["inputs"]


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_sampling_is_decided_by_the_request_id(share):
    """The same ids are logged by every worker and at every replay; about the share that was asked."""
    requests = [outcome(f"id-{number}", rows=1) for number in range(2000)]

    first, second = entries(*requests, share=share), entries(*requests, share=share)

    assert first == second
    assert share == pytest.approx(len(first) / 2000, abs=0.03)


def test_failures_are_logged_whatever_the_sample():
    """What went wrong is never sampled out."""
    assert ["overloaded"] == [entry["code"] for entry in entries(outcome(code="overloaded"), share=0.0)]


@pytest.mark.parametrize(
    "label",
    ["a\nb", "\x00\x1b[31m", "\u202e\U0001f600", "\\\x7f\\\\\x9b31m", "\x85\u2028\u2029", "\ufeff", "ä" * 100_000],
)
def test_hostile_strings_stay_on_their_line(label):
    """JSON escapes what could break a line or a terminal."""
    lines = []

    PredictionLog(lines.append).record(outcome(label=label, rows=1), NAMES)

    assert 1 == lines[0].count(b"\n")
    text = lines[0].decode().removesuffix("\n")
    assert [text] == text.splitlines()
    assert set() == {unicodedata.category(each) for each in text} & {"Cc", "Cf", "Zl", "Zp"}
    assert [label] == json.loads(lines[0])["predictions"]


def test_every_character_that_is_not_printed_is_escaped_and_reads_as_it_was():
    """Control and format characters and separators of lines, also those beyond 16 bits."""
    unprinted = [
        character
        for character in map(chr, (*range(0xD800), *range(0xE000, sys.maxunicode + 1)))
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp")
    ]
    line = strict_json.one_line(strict_json.dumps("".join(unprinted)))

    assert line.isascii()
    assert json.loads(line) == "".join(unprinted)
