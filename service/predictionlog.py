"""One strict-JSON line per prediction request, for people and for replay."""

import fcntl
import os
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from model.engines import Prediction, Rows
from service import jsontext
from service.answers import by_row
from service.calls import Call, ModelIdentity
from service.errors import OK

_DIRTY, _CLEAN = b"1", b"0"


@dataclass(frozen=True)
class Outcome:
    """What became of one request; `time` in Unix seconds, `call` and `prediction` only where there were any."""

    time: float
    request_id: str
    protocol: str
    code: str
    seconds: float
    model: ModelIdentity | None
    call: Call | None
    prediction: Prediction | None


class LineWriter:
    """Writes whole lines to a descriptor that several processes and threads share.

    The kernel keeps a write whole only up to PIPE_BUF bytes (pipe(7)), so each is made under a lock: of the threads,
    and of the processes through an anonymous file, whose lock the kernel frees when its holder is killed. The file also
    says whether a line was left unfinished, by a full disk or a kill; the next one then starts on a new line.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._threads = threading.Lock()
        self._processes = os.memfd_create("prediction-log-lock")

    def write(self, line: bytes) -> None:
        """Write one line; raises OSError."""
        with self._threads:
            fcntl.lockf(self._processes, fcntl.LOCK_EX)
            try:
                torn = os.pread(self._processes, 1, 0) == _DIRTY  # the last writer did not get to the end of its line
                os.pwrite(self._processes, _DIRTY, 0)
                left = memoryview(b"\n" + line if torn else line)
                while left:
                    left = left[os.write(self._descriptor, left) :]
                os.pwrite(self._processes, _CLEAN, 0)
            finally:
                fcntl.lockf(self._processes, fcntl.LOCK_UN)


class PredictionLog:
    """Turns outcomes into lines: which of them, how many of their rows, and without the features that are private."""

    def __init__(
        self, write: Callable[[bytes], None], *, share: float = 1.0, most_rows: int = 10, redact: Sequence[str] = ()
    ) -> None:
        self._write = write
        self._share = share
        self._most_rows = most_rows
        self._redact = redact

    def record(self, outcome: Outcome, names: Sequence[str]) -> None:
        """Write the line of an outcome, unless it succeeded and is sampled out; `names` are the features in order.

        Whether a request id is sampled is the same everywhere and always. Raises OSError.
        """
        drawn = zlib.crc32(outcome.request_id.encode()) / 2**32
        if outcome.code != OK or drawn < self._share:
            self._write(jsontext.dumps(self._entry(outcome, names)) + b"\n")

    def _entry(self, outcome: Outcome, names: Sequence[str]) -> dict[str, Any]:
        model, call, prediction = outcome.model, outcome.call, outcome.prediction
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(outcome.time, UTC).isoformat(timespec="milliseconds"),
            "request_id": outcome.request_id,
            "model": model and {"name": model.name, "version": model.version, "digest": model.digest},
            "protocol": outcome.protocol,
            "code": outcome.code,
            "latency_ms": round(outcome.seconds * 1000, 3),
        }
        if call is not None and prediction is not None:
            most = self._most_rows
            entry["rows"] = len(call.rows)
            entry["inputs"] = self._shown(call.rows[:most], names)
            entry["predictions"] = prediction.labels[:most].tolist()
            if prediction.probabilities is not None:
                entry["probabilities"] = by_row(prediction.probabilities, most)
        return entry

    def _shown(self, rows: Rows, names: Sequence[str]) -> Any:
        """Return the rows with redacted columns emptied; a missing number is null in JSON."""
        columns = [position for position, name in enumerate(names) if name in self._redact]
        if columns:
            rows = rows.copy()
            rows[:, columns] = np.nan
        return rows.tolist() if rows.dtype == object else rows
