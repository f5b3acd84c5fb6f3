"""The members of a prediction log line, declared once; docs/prediction-log.schema.json is generated from them."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from service.errors import OK, TABLE, InvalidRows
from service.monitoring.prediction_log import MOST_SHOWN

_CELL: Final = {"type": ["number", "string", "boolean", "null"]}
_SHOWN: Final = {"type": "string", "minLength": 1, "maxLength": MOST_SHOWN}


class Of(Enum):
    """The lines that have a member."""

    ALL = "all"
    ANSWERED = "answered"
    FAILED = "failed"


@dataclass(frozen=True)
class Member:
    """A member of a line: which lines may have it, and whether all of them always do; `schema` is its JSON Schema."""

    name: str
    lines: Of
    schema: dict[str, Any]
    help: str
    always: bool = True


MEMBERS: Final = (
    Member(
        "time",
        Of.ALL,
        {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00$"},
        "When the request was answered, in UTC.",
    ),
    Member(
        "request_id",
        Of.ALL,
        {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,128}$"},
        "The answer's X-Request-ID: the caller's own, or a new one.",
    ),
    Member(
        "trace_id",
        Of.ALL,
        {"type": "string", "pattern": "^(?!0{32})[0-9a-f]{32}$"},
        "The trace that the request belongs to.",
    ),
    Member("span_id", Of.ALL, {"type": "string", "pattern": "^(?!0{16})[0-9a-f]{16}$"}, "The server's span in it."),
    Member(
        "model",
        Of.ALL,
        {
            "type": ["object", "null"],
            "properties": {
                "name": {"type": "string"},
                "version": {"type": "string"},
                "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            },
            "required": ["name", "version", "digest"],
            "additionalProperties": False,
        },
        "The model that was asked, with the SHA-256 of its manifest; null if the request was refused before.",
    ),
    Member(
        "protocol",
        Of.ALL,
        {"type": ["string", "null"], "minLength": 1},
        "The protocol of the prediction route; null if the request reached none.",
    ),
    Member("code", Of.ALL, {"enum": [OK, *TABLE]}, "ok, or the code of the error."),
    Member(
        "latency_ms",
        Of.ALL,
        {"type": ["number", "null"], "minimum": 0},
        "Milliseconds from the request being read completely to its answer being ready; null if it reached no "
        "prediction route.",
    ),
    Member("rows", Of.ANSWERED, {"type": "integer", "minimum": 1}, "How many rows were predicted."),
    Member(
        "inputs",
        Of.ANSWERED,
        {"type": "array", "items": {"type": "array", "items": _CELL}},
        "The first rows, at most LOG_ROWS, in the order of the model's features; missing and redacted values are null.",
    ),
    Member(
        "predictions",
        Of.ANSWERED,
        {"type": "array", "items": {"type": [*_CELL["type"], "array"], "items": _CELL}},
        "The answers to these rows: a label or number, or a list of them if the model has several outputs.",
    ),
    Member(
        "probabilities",
        Of.ANSWERED,
        {
            "type": "array",
            "items": {
                "type": "array",
                "items": {"type": ["number", "null", "array"], "items": {"type": ["number", "null"]}},
            },
        },
        "The probabilities of these answers: one for each class, or for each output a list of them.",
        always=False,
    ),
    Member(
        "redacted",
        Of.ANSWERED,
        {"type": "array", "items": {"type": "string"}},
        "The features of which values are left out.",
        always=False,
    ),
    Member("status", Of.FAILED, {"type": "integer", "minimum": 400, "maximum": 599}, "The answer's status."),
    Member("detail", Of.FAILED, {"type": "string"}, "What was wrong, in words."),
    Member("pointer", Of.FAILED, {"type": "string"}, "The place of the first bad cell in the body.", always=False),
    Member("feature", Of.FAILED, _SHOWN, "The model's feature that the first problem is about.", always=False),
    Member(
        "problems",
        Of.FAILED,
        {"type": "integer", "minimum": 1, "maximum": InvalidRows.MOST},
        "How many there are.",
        always=False,
    ),
    Member("method", Of.FAILED, _SHOWN, "The request's method.", always=False),
    Member("path", Of.FAILED, _SHOWN, "The request's path, without the query.", always=False),
    Member("client", Of.FAILED, _SHOWN, "The address of whoever connected, which may be a proxy.", always=False),
    Member("forwarded_for", Of.FAILED, _SHOWN, "The header X-Forwarded-For, which nobody has verified.", always=False),
    Member("owner", Of.FAILED, _SHOWN, "The note beside the token in TOKENS_FILE.", always=False),
)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:ml-service:prediction-log",
        "title": "A line of ml-service's prediction log",
        "type": "object",
        "properties": {each.name: {"description": each.help, **each.schema} for each in MEMBERS},
        "required": list(_required(Of.ALL)),
        "additionalProperties": False,
        "if": {"properties": {"code": {"const": OK}}},
        "then": _only(Of.ANSWERED, Of.FAILED),
        "else": _only(Of.FAILED, Of.ANSWERED),
        "dependentSchemas": {"protocol": _UNROUTED},
    }


_UNROUTED: Final = {
    "if": {"properties": {"protocol": {"const": None}}},
    "then": {"properties": {"model": {"const": None}, "latency_ms": {"const": None}}},
    "else": {"properties": {"latency_ms": {"type": "number"}}},
}


def _required(lines: Of) -> Iterator[str]:
    return (each.name for each in MEMBERS if each.lines is lines and each.always)


def _only(lines: Of, others: Of) -> dict[str, Any]:
    """Return the schema of ANSWERED or FAILED lines: their required members, and none of the other lines' members."""
    absent = {each.name: False for each in MEMBERS if each.lines is others}
    return {"required": list(_required(lines)), "properties": absent}
