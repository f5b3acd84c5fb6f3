"""The prediction log: one line of strict JSON for each prediction request, and for each request that was refused."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from model.prediction import Prediction
from service.errors import OK
from service.formats import strict_json
from service.monitoring.redaction import NOTHING_REDACTED, Redaction
from service.monitoring.refusal import Refusal
from service.protocols.base import Call, ModelIdentity
from service.protocols.json_shapes import values_by_row
from service.tracing.context import Trace


@dataclass(frozen=True)
class Outcome:
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


class PredictionLog:
    """Writes outcomes as lines: a share of them, some of their rows, without redacted features."""

    def __init__(
        self,
        write: Callable[[bytes], None],
        *,
        share: float = 1.0,
        most_rows: int = 10,
        redaction: Redaction = NOTHING_REDACTED,
    ) -> None:
        self._write = write
        self._share = share
        self._most_rows = most_rows
        self.redaction = redaction

    def record(self, outcome: Outcome, names: Sequence[str]) -> None:
        """Write the line of an outcome, unless it succeeded and is not sampled; `names` are the features in order.

        The request id alone decides whether a request is sampled. Raises OSError.
        """
        drawn = zlib.crc32(outcome.request_id.encode()) / 2**32
        if outcome.code != OK or drawn < self._share:
            self._write(strict_json.one_line(strict_json.dumps(self._entry(outcome, names))) + b"\n")

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


def _iso_time(unix: float) -> str:
    """Return a time in ISO 8601 with milliseconds; all but those is formatted once a second."""
    milliseconds = round(unix * 1e6) // 1000  # cut off, as datetime does
    return f"{_iso_second(milliseconds // 1000)}.{milliseconds % 1000:03}+00:00"


@lru_cache(4)
def _iso_second(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%S")
