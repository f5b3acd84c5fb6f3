"""The prediction log: one line of strict JSON for each prediction request, and for each request that was refused."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple

from model.prediction import Prediction
from service.errors import OK, Failure
from service.formats import strict_json
from service.monitoring.redaction import NOTHING_REDACTED, Redaction
from service.protocols.base import Answer, Call, ModelIdentity
from service.protocols.json_shapes import values_by_row
from service.tracing.context import Trace
from service.tracing.request_span import HttpFacts

MOST_SHOWN: Final = 200  # characters of a string from the request
_ASKED: Final = ("client", "method", "path", "forwarded_for", "owner")  # HttpFacts that the line of a failure has


class Exchange(NamedTuple):
    """The bodies of a request and its answer, without compression."""

    body: bytes
    content_type: str
    answer: Answer


@dataclass(frozen=True)
class Refusal:
    """Why a request failed, as its caller was told, with the status of the answer, and who sent it."""

    status: int
    failure: Failure
    http: HttpFacts

    def described(self, redaction: Redaction) -> dict[str, Any]:
        """Return the members of a log line that say why the request failed, without redacted values."""
        failure = self.failure
        first = failure.problems[0] if failure.problems else None
        members: dict[str, Any] = {"status": self.status, "detail": self._detail(redaction)}
        if first is not None and (not redaction.features or failure.feature is not None):
            members["pointer"] = redaction.text(first.pointer)
        if failure.feature is not None:
            members["feature"] = failure.feature[:MOST_SHOWN]
        if failure.problems:
            members["problems"] = len(failure.problems)
        asked = {name: redaction.text(getattr(self.http, name))[:MOST_SHOWN] for name in _ASKED}
        return members | {name: value for name, value in asked.items() if value}

    def _detail(self, redaction: Redaction) -> str:
        """Return the message; only the title, if the message may contain a path that is redacted."""
        path = self.http.path
        if not self.failure.problems and redaction.text(path) != path:
            return f"{self.failure.title}."
        return redaction.detail(self.failure)


class Outcome(NamedTuple):
    """The outcome of one request; `time` in Unix seconds.

    `call` and `prediction` are None if it failed, and then `refusal` says why. `protocol`, `model` and `seconds` are
    None if it was refused before a prediction route was reached.
    """

    time: float
    request_id: str
    trace: Trace
    protocol: str | None
    code: str
    seconds: float | None
    model: ModelIdentity | None
    call: Call | None = None
    prediction: Prediction | None = None
    refusal: Refusal | None = None
    exchange: Exchange | None = None  # if the log captures the bodies


# Makes the lines of an outcome from its native line and, if they may be logged, the bodies.
Shape = Callable[[Outcome, Mapping[str, Any], Exchange | None], Iterable[Mapping[str, Any]]]


class PredictionLog:
    """Writes outcomes as lines: a share of the successful ones, some of their rows, without redacted values.

    With a `shape`, it writes the lines that this makes; outcomes then need their bodies, if `captures` is true.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        *,
        share: float = 1.0,
        most_rows: int = 10,
        redaction: Redaction = NOTHING_REDACTED,
        shape: Shape | None = None,
    ) -> None:
        self._write = write
        self._share = share
        self._most_rows = most_rows
        self.redaction = redaction
        self._shape = shape
        self.captures = shape is not None and not redaction.active

    def record(self, outcome: Outcome, names: Sequence[str]) -> None:
        """Write the line of an outcome, unless it succeeded and is not sampled; `names` are the features in order.

        The request id alone decides whether a request is sampled. Raises OSError.
        """
        if outcome.code != OK or self._share >= 1 or zlib.crc32(outcome.request_id.encode()) / 2**32 < self._share:
            entry = self._entry(outcome, names)
            self._write(_line(entry) if self._shape is None else b"".join(map(_line, self._shaped(outcome, entry))))

    def _shaped(self, outcome: Outcome, entry: dict[str, Any]) -> Iterable[Mapping[str, Any]]:
        whole = outcome.call is not None and len(outcome.call.rows) <= self._most_rows
        return self._shape(outcome, entry, outcome.exchange if whole else None) if self._shape else (entry,)

    def _entry(self, outcome: Outcome, names: Sequence[str]) -> dict[str, Any]:
        call, prediction = outcome.call, outcome.prediction
        entry: dict[str, Any] = {
            "time": _iso_time(outcome.time),
            "request_id": outcome.request_id,
            "trace_id": outcome.trace.trace_id,
            "span_id": outcome.trace.span_id,
            "model": outcome.model,
            "protocol": outcome.protocol,
            "code": outcome.code,
            "latency_ms": None if outcome.seconds is None else round(outcome.seconds * 1000, 3),
        }
        if outcome.refusal is not None:
            entry |= outcome.refusal.described(self.redaction)
        if call is not None and prediction is not None:
            most = self._most_rows
            entry["rows"] = len(call.rows)
            entry["inputs"], left_out = self.redaction.rows(call.rows[:most], names)
            entry["predictions"] = prediction.labels[:most].tolist()
            if prediction.probabilities is not None:
                entry["probabilities"] = values_by_row(prediction.probabilities, most)
            if left_out:
                entry["redacted"] = left_out
        return entry


def _line(entry: Mapping[str, Any]) -> bytes:
    return strict_json.one_line(strict_json.dumps(entry)) + b"\n"


def _iso_time(unix: float) -> str:
    """Return a time in ISO 8601 with milliseconds; the rest of it is formatted only once a second."""
    milliseconds = round(unix * 1e6) // 1000  # truncated, as datetime does
    return f"{_iso_second(milliseconds // 1000)}.{milliseconds % 1000:03}+00:00"


@lru_cache(4)
def _iso_second(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%S")
