"""The one place that counts, measures and logs the outcome of a prediction request, and of refused requests."""

import logging
import math
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from types import TracebackType
from typing import Protocol, Self

from model.prediction import Prediction
from service.drift.monitor import DriftMonitor
from service.drift.pending import MOST_ROW_BYTES
from service.errors import OK, Failure, describe, failure_of
from service.monitoring.metrics import Metrics
from service.monitoring.prediction_log import Exchange, Outcome, PredictionLog, Refusal
from service.monitoring.request_metrics import STEPS, RequestMetrics
from service.protocols.base import Call, Codec
from service.serving.served_model import ServedModel
from service.tracing.context import RequestIds, Trace
from service.tracing.request_span import Begun, HttpFacts, Phase, RequestSpan, Tracer

logger = logging.getLogger(__name__)
MOST_LOGGED = 100  # names of ignored columns: they come from requests, and must not fill the log


class Asked(Protocol):
    """What a record needs to know of a request."""

    recorded: bool  # whether the request has a record, and so a line in the log
    method: str
    path: str

    @property
    def ids(self) -> RequestIds:
        """The request's id, and its trace."""

    def moments(self) -> list[float]:
        """Return when the request began and, if known, when all of it had arrived (monotonic clock)."""

    def use_trace(self, trace: Trace) -> None:
        """Make the request part of this trace."""

    def http_facts(self) -> HttpFacts:
        """Return what the request asked for, and who sent it."""


class Record:
    """The record of one request: a context manager around answering it. The view adds what it learns."""

    def __init__(self, recorder: "Recorder", codec: Codec, request: Asked, begun: Begun | None) -> None:
        self._recorder, self._codec, self._request, self._begun = recorder, codec, request, begun
        self.protocol = codec.name
        request.recorded = True
        self.served: ServedModel | None = None
        self._call: Call | None = None
        self._prediction: Prediction | None = None
        self._size = math.nan
        self.received_size = 0
        self._moments = request.moments()  # when each of the STEPS so far began
        self.exchange: Exchange | None = None

    def __enter__(self) -> Self:
        """Count the request as in progress."""
        self._recorder.begin(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Record the outcome. An exception is recorded as a failure, and propagates."""
        self._recorder.end(self, None if error is None else describe(error))

    def received(self) -> None:
        """Note that the body has been read; the duration begins here, so a slow sender does not lengthen it."""
        if len(self._moments) == 1:
            self._moments.append(time.monotonic())

    def step(self) -> None:
        """Note that the next of the STEPS begins."""
        self._moments.append(time.monotonic())

    def done(self, call: Call, prediction: Prediction, size: int, received: int) -> None:
        """Add the call, its prediction, and the sizes of the bodies of the answer and the request, in bytes."""
        self._call, self._prediction, self._size, self.received_size = call, prediction, size, received

    @property
    def server_timing(self) -> str:
        """The Server-Timing header (W3C) of an answered request: the duration of its phases in milliseconds."""
        _, arrived, admitted, parsed, has_room, predicted, _ = self._moments
        queue, parse, predict = admitted - arrived + has_room - parsed, parsed - admitted, predicted - has_room
        return f"queue;dur={queue * 1000:.3f}, parse;dur={parse * 1000:.3f}, predict;dur={predict * 1000:.3f}"

    def measure(self, metrics: RequestMetrics) -> float:
        """Measure the phases, the last of which ends now; return the seconds since the request had arrived."""
        moments = self._moments
        moments.append(time.monotonic())
        metrics.measured(moments, math.nan if self._call is None else len(self._call.rows), self._size)
        return moments[-1] - moments[1 if len(moments) > 2 else 0]

    def outcome(self, seconds: float, failure: Failure | None) -> Outcome:
        """Return the outcome of a request that took this many seconds."""
        model = self.served.contract.identity if self.served else None
        ids, protocol = self._request.ids, self.protocol
        if failure is None:
            call, prediction, exchange = self._call, self._prediction, self.exchange
            return Outcome(time.time(), *ids, protocol, OK, seconds, model, call, prediction, exchange=exchange)
        status = self._codec.refuse(replace(failure, problems=()), ids).status
        refusal = Refusal(status, failure, self._request.http_facts())
        return Outcome(time.time(), *ids, protocol, failure.code, seconds, model, refusal=refusal)

    def span(self, outcome: Outcome) -> RequestSpan | None:
        """Return the span of the request, None if it is not traced."""
        if self._begun is None or self._begun.decision is None:
            return None
        unix = outcome.time - time.monotonic()
        moments = pairwise([*(unix + moment for moment in self._moments[:-1]), outcome.time])
        phases = tuple(Phase(name, start, end) for name, (start, end) in zip(STEPS, moments, strict=False))
        return _span_of(self._begun, self._request.http_facts(), outcome, self.served, phases)


class Recorder:
    """Makes exactly one count, one duration and one log line for each request, whether it succeeds or not.

    A request that is refused before it reaches a prediction route has a count and a log line, but no duration.
    """

    def __init__(self, metrics: Metrics, log: PredictionLog, drift: DriftMonitor, tracer: Tracer | None = None) -> None:
        self._metrics = metrics
        self._compare = drift.add
        self._log = log
        self._tracer = tracer
        self.redaction, self.captures = log.redaction, log.captures
        self._dropping = False
        self._ignored: set[str] = set()
        self._running: dict[Record, object] = {}  # requests in progress, oldest first
        self._changing = threading.Lock()

    def recording(self, codec: Codec, request: Asked) -> Record:
        """Return the record of a prediction request, a context manager for the block that answers it."""
        begun = None
        if self._tracer is not None:
            begun = self._tracer.begin(request.ids.trace, request.method, request.path)
            request.use_trace(begun.trace)
        return Record(self, codec, request, begun)

    def begin(self, record: Record) -> None:
        """Count a request as in progress."""
        with self._changing:
            self._running[record] = None
            self._metrics.slot.row.in_progress = len(self._running)

    def end(self, record: Record, failure: Failure | None) -> None:
        """Record the outcome of a request that was in progress."""
        with self._changing:
            abandoned = self._running.pop(record, self) is self
            self._metrics.slot.row.in_progress = len(self._running)
        if abandoned:
            return
        self._write(record, failure)

    def abandon(self) -> None:
        """Record requests in progress as timed out: the process is about to end without answering them."""
        with self._changing:
            abandoned = tuple(self._running)
            self._running.clear()
        for record in abandoned:
            self._write(record, failure_of("prediction_timeout"))
        self._metrics.requests.flush()

    def ignored(self, protocol: str, columns: Iterable[str]) -> None:
        """Count the ignored columns of a request, and log each name once in this process."""
        for name in columns:
            self._metrics.ignored(protocol)
            if name not in self._ignored and len(self._ignored) < MOST_LOGGED:
                self._ignored.add(name)
                logger.warning("the column %r, which the model does not take, is ignored in requests", name)

    def refused(self, codec: Codec, request: Asked, error: Exception) -> None:
        """Record a prediction request that was refused before its view ran."""
        with suppress(type(error)), self.recording(codec, request):
            raise error

    def unrouted(self, ids: RequestIds, refusal: Refusal) -> Trace:
        """Record a refused request that is not a prediction request: an unknown path, or malformed HTTP.

        Return its trace, which says whether the request has a span.
        """
        code = refusal.failure.code
        self._metrics.requests.refused(code)
        outcome = Outcome(time.time(), *ids, None, code, None, None, refusal=refusal)
        self._log_outcome(outcome, ())
        if self._tracer is not None:
            asked = HttpFacts(refusal.http.method, refusal.http.path, refusal.http.client)  # no route was reached
            begun = self._tracer.begin(ids.trace, asked.method, asked.path)
            if begun.decision is not None:
                self._tracer.add(_span_of(begun, asked, outcome))
            return begun.trace
        return ids.trace

    def _write(self, record: Record, failure: Failure | None) -> None:
        metrics = self._metrics.requests
        seconds = record.measure(metrics)
        outcome = record.outcome(seconds, failure)
        metrics.answered(record.protocol, outcome.code, seconds)
        if failure is not None and failure.shed:
            metrics.shed(failure.shed)
        names: tuple[str, ...] = ()
        if record.served is not None:
            signature = record.served.contract.signature
            names = signature.names
            if outcome.prediction is not None:
                self._metrics.predicted(record.protocol, signature, outcome.prediction)
                if outcome.call is not None and record.received_size <= MOST_ROW_BYTES * len(outcome.call.rows):
                    self._compare(outcome.call.rows, outcome.prediction)
            elif failure is not None:
                self._metrics.refused_cells(signature, failure)
        self._log_outcome(outcome, names)
        trace = outcome.trace
        if trace.parent_id or trace.sampled:
            self._metrics.exemplars.note(record.protocol, outcome.code, seconds, trace, outcome.time)
        if self._tracer is not None and (span := record.span(outcome)) is not None:
            self._tracer.add(span)

    def _log_outcome(self, outcome: Outcome, names: tuple[str, ...]) -> None:
        try:
            self._log.record(outcome, names)
            self._dropping = False
        except OSError as error:
            self._metrics.made["log_dropped_total"].inc()
            if not self._dropping:  # log it once, not for each line
                logger.warning("lines of the prediction log are being dropped: %s", error)
            self._dropping = True


def _span_of(
    begun: Begun,
    http: HttpFacts,
    outcome: Outcome,
    served: ServedModel | None = None,
    phases: tuple[Phase, ...] = (),
) -> RequestSpan:
    """Return the span of a request that ends now; without phases, its duration is 0."""
    return RequestSpan(
        begun,
        http,
        start=phases[0].start if phases else outcome.time,
        end=outcome.time,
        request_id=outcome.request_id,
        code=outcome.code,
        status=200 if outcome.refusal is None else outcome.refusal.status,
        protocol=outcome.protocol,
        model={} if served is None else {**vars(served.contract.identity), "engine": served.loaded.engine.name},
        rows=None if outcome.call is None else len(outcome.call.rows),
        phases=phases,
    )
