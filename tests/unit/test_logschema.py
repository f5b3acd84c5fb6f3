"""docs/prediction-log.schema.json: it is generated from the table of members, and refuses whatever is not a line."""

import json

import jsonschema_rs
import pytest

from tests import loglines
from tests.conftest import ROOT
from tests.log_schema import MEMBERS, json_schema

ANSWERED = {
    "time": "2026-11-22T10:15:42.465+00:00",
    "request_id": "r-1",
    "trace_id": "ab" * 16,
    "span_id": "ab" * 8,
    "model": {"name": "iris", "version": "1", "digest": "0" * 64},
    "protocol": "native",
    "code": "ok",
    "latency_ms": 1.7,
    "rows": 1,
    "inputs": [[5.1, "a", True, None]],
    "predictions": [0],
}
FAILED = {
    name: ANSWERED[name] for name in ("time", "request_id", "trace_id", "span_id", "model", "protocol", "latency_ms")
}
FAILED |= {"code": "no_rows", "status": 422, "detail": "There are no rows."}
UNROUTED = FAILED | {"protocol": None, "model": None, "latency_ms": None, "code": "not_found", "status": 404}


def line(entry):
    return json.dumps(entry).encode() + b"\n"


def test_the_published_schema_is_the_one_of_the_table():
    """`make docs` writes it; whoever changes a line changes the schema in the same commit."""
    assert loglines.schema_text() == loglines.SCHEMA.read_text()
    jsonschema_rs.meta.validate(json_schema())


@pytest.mark.parametrize("entry", [ANSWERED, FAILED, UNROUTED], ids=["answered", "failed", "unrouted"])
def test_lines_of_each_kind_are_valid(entry):
    """An answer, a failure, and a request that reached no prediction route."""
    assert [] == loglines.faults(line(entry))


WRONG = {
    "a member of no table": ANSWERED | {"extra": 1},
    "an answer with a status": ANSWERED | {"status": 200},
    "a failure with rows": FAILED | {"rows": 1},
    "a failure without a reason": {name: value for name, value in FAILED.items() if name != "detail"},
    "no time zone": ANSWERED | {"time": "2026-11-22T10:15:42.465"},
    "a month that is none": ANSWERED | {"time": "2026-13-22T10:15:42.465+00:00"},
    "a code of no table": FAILED | {"code": "oops"},
    "an id that was not checked": ANSWERED | {"request_id": "a b"},
    "a trace that is none": ANSWERED | {"trace_id": "0" * 32},
    "a path that is not cut": FAILED | {"path": "/" * 201},
    "an empty note": FAILED | {"owner": ""},
    "an unrouted request with a latency": UNROUTED | {"latency_ms": 1.0},
    "a routed one without": FAILED | {"latency_ms": None},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_line_is_refused(name):
    """The schema is not so wide that everything passes."""
    assert [] != loglines.faults(line(WRONG[name]))


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        b'{"a": NaN}\n',
        b'{"a": "\x7f"}\n',
        b'{"a": "\xc2\x9b"}\n',
        b'{"a": "\xe2\x80\xae"}\n',
        b'"\xff"\n',
        b"\n",
    ],
    ids=["no end", "NaN", "DEL", "C1", "bidi", "no UTF-8", "empty"],
)
def test_a_line_is_strict_json_on_one_line_that_a_terminal_may_print(content):
    """Else it is no line, whatever it says."""
    assert [] != loglines.faults(content)


@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: member.name)
def test_each_member_is_documented(member):
    """prediction-log.md names each member."""
    assert f"`{member.name}`" in (ROOT / "docs" / "prediction-log.md").read_text()
