"""The one place that counts, measures and logs the outcome of a prediction request."""

import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from types import TracebackType
from typing import Self

from model.prediction import Prediction
from service.errors import OK, describe
from service.monitoring.metrics import Metrics
from service.monitoring.prediction_log import Outcome, PredictionLog
from service.protocols.base import Call
from service.serving.served_model import ServedModel

logger = logging.getLogger(__name__)
MOST_LOGGED = 100  # columns that are ignored: their names come from requests, and are not to fill a log


class Record:
    """One request while it is answered, as a context; the view adds what it learns, and leaving ends the record."""

    def __init__(self, recorder: "Recorder", protocol: str, request_id: str) -> None:
        self._recorder, self._protocol, self._request_id = recorder, protocol, request_id
        self.served: ServedModel | None = None
        self._call: Call | None = None
        self._prediction: Prediction | None = None
        self._marks = [("", time.perf_counter())]

    def __enter__(self) -> Self:
        """Count the request as in progress."""
        self._recorder.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record the outcome; an exception is one, and is raised further."""
        code = OK if error is None else describe(error).code
        self._recorder.end(self, code)

    def received(self) -> None:
        """Start the clock: the time that a slow sender took does not count."""
        self._marks = [("", time.perf_counter())]

    def mark(self, step: str) -> None:
        """Note that a step ends now."""
        self._marks.append((step, time.perf_counter()))

    def done(self, call: Call, prediction: Prediction) -> None:
        """Add the request and its prediction."""
        self._call, self._prediction = call, prediction

    @property
    def server_timing(self) -> str:
        """The Server-Timing header (W3C): each step's duration in milliseconds."""
        start, parts = self._marks[0][1], []
        for step, end in self._marks[1:]:
            parts.append(f"{step};dur={(end - start) * 1000:.3f}")
            start = end
        return ", ".join(parts)

    def outcome(self, code: str) -> Outcome:
        """Return the outcome as of now."""
        seconds = time.perf_counter() - self._marks[0][1]
        model = self.served.contract.identity if self.served else None
        request_id, protocol = self._request_id, self._protocol
        return Outcome(time.time(), request_id, protocol, code, seconds, model, self._call, self._prediction)


class Recorder:
    """Makes exactly one count, one duration and one log line of each request, whether it succeeds or not."""

    def __init__(self, metrics: Metrics, log: PredictionLog) -> None:
        self._metrics = metrics
        self._log = log
        self._dropping = False
        self._ignored: set[str] = set()
        self._running: dict[Record, None] = {}  # requests in progress, oldest first

    def recording(self, protocol: str, request_id: str) -> Record:
        """Return the record of a request, for the block that answers it."""
        return Record(self, protocol, request_id)

    def begin(self, record: Record) -> None:
        """Count a request as in progress."""
        self._running[record] = None
        self._metrics.in_progress.inc()

    def end(self, record: Record, code: str) -> None:
        """Record the outcome of a request that was in progress."""
        self._metrics.in_progress.dec()
        del self._running[record]
        self._write(record, record.outcome(code))

    def abandon(self) -> None:
        """Record requests in progress as timed out: the process is about to end without answering them."""
        for record in tuple(self._running):
            self._write(record, record.outcome("prediction_timeout"))

    def ignored(self, protocol: str, columns: Iterable[str]) -> None:
        """Count the columns of a request that were ignored, and log the name of each once in this process."""
        for name in columns:
            self._metrics.ignored(protocol)
            if name not in self._ignored and len(self._ignored) < MOST_LOGGED:
                self._ignored.add(name)
                logger.warning("the column %r, which the model does not take, is ignored in requests", name)

    def refused(self, protocol: str, request_id: str, error: Exception) -> None:
        """Record a request that was refused before its view."""
        with suppress(type(error)), self.recording(protocol, request_id):
            raise error

    def _write(self, record: Record, outcome: Outcome) -> None:
        self._metrics.answered(outcome.protocol, outcome.code, outcome.seconds)
        names: tuple[str, ...] = ()
        if record.served is not None:
            signature = record.served.contract.signature
            names = signature.names
            if outcome.prediction is not None:
                self._metrics.predicted(outcome.protocol, signature, outcome.prediction)
        try:
            self._log.record(outcome, names)
            self._dropping = False
        except OSError as error:
            self._metrics.log_dropped.inc()
            if not self._dropping:  # log it once, not for each line
                logger.warning("lines of the prediction log are being dropped: %s", error)
            self._dropping = True
