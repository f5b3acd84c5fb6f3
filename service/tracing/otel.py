"""Spans by OpenTelemetry's SDK. A thread of each worker makes them after the answer, from what the request noted.

This thread and the SDK's own threads start in the worker. The caller was told the ids and the sampler's decision before
the spans are made. So the SDK gets both from here, through the interfaces that it has for them. Only as many spans are
made as its queue has room for; those that are dropped are counted here.
"""

import logging
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from opentelemetry import trace as api
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, Sampler, SamplingResult

from service import VERSION
from service.tracing.context import RANDOM, SAMPLED, Trace
from service.tracing.request_span import Begun, RequestSpan, attributes_of, first_attributes, name_of

logger = logging.getLogger(__name__)
PAUSE_SECONDS: Final = 0.1  # between two checks for noted requests
CLOSING_SECONDS: Final = 5.0  # at most, when the worker ends
SWITCH_SECONDS: Final = 0.0005  # after which the threads that make and send spans yield to a prediction
SENT, FAILED, DROPPED = "sent", "failed", "dropped"


class OpenTelemetryTracer:
    """Makes the spans of requests; `count` is called with how many were sent, failed or dropped."""

    def __init__(
        self, exporters: Sequence[Callable[[], SpanExporter]], most_waiting: int, count: Callable[[str, int], object]
    ) -> None:
        self._make_exporters, self._most_waiting, self._count = exporters, most_waiting, count
        self._noted = deque[RequestSpan]()
        self._ended = threading.Event()
        self._sampler: Sampler | None = None  # None until the start, and if the start has failed

    def start(self) -> None:
        """Start the SDK and the thread; a failure is logged, and then there are no spans."""
        try:
            self._decided = _Decided()
            self._provider = TracerProvider(
                self._decided, _resource(), shutdown_on_exit=False, id_generator=self._decided
            )
            self._counting = [_Counting(make(), self._count) for make in self._make_exporters]
            for each in self._counting:
                self._provider.add_span_processor(BatchSpanProcessor(each, max_queue_size=self._most_waiting))
            self._tracer = self._provider.get_tracer("ml-service", VERSION)
            self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
            self._thread.start()
            self._sampler = TracerProvider(shutdown_on_exit=False).sampler  # the sampler that the environment names
        except Exception:
            logger.exception("no spans are sent by this worker")
            return
        sys.setswitchinterval(SWITCH_SECONDS)

    def begin(self, trace: Trace, method: str, path: str) -> Begun:
        """Have the sampler decide."""
        if self._sampler is None:
            return Begun(trace, None)
        number, attributes = int(trace.trace_id, 16), first_attributes(method, path)
        try:
            result = self._sampler.should_sample(
                _context_of(trace), number, method, kind=api.SpanKind.SERVER, attributes=attributes
            )
        except Exception:  # it may be anybody's sampler
            logger.exception("a sampler has failed")
            return Begun(trace, None)
        if not result.decision.is_sampled():
            return Begun(trace._replace(flags=trace.flags & ~SAMPLED), None)
        return Begun(trace._replace(flags=trace.flags | SAMPLED), result)

    def add(self, span: RequestSpan) -> None:
        """Note a request, unless too many are noted."""
        if len(self._noted) < self._most_waiting:
            self._noted.append(span)
        else:
            self._count(DROPPED, 1 + len(span.phases))

    def close(self, seconds: float, meanwhile: Callable[[], object]) -> None:
        """Make and send the remaining spans; those that cannot be sent in time are counted as dropped."""
        if self._sampler is None:
            return
        until = time.monotonic() + min(seconds, CLOSING_SECONDS)
        self._ended.set()
        closing = threading.Thread(target=self._close, daemon=True)
        closing.start()
        while closing.is_alive() and time.monotonic() < until:
            closing.join(0.05)
            meanwhile()
        left = sum(1 + len(each.phases) for each in self._noted) + max(each.unsettled for each in self._counting)
        if left:
            self._count(DROPPED, left)
            logger.warning("%s spans were not sent before this worker ended", left)

    def _close(self) -> None:
        self._thread.join()
        self._provider.shutdown()

    def _run(self) -> None:
        while not self._ended.wait(PAUSE_SECONDS):
            self._make_all()
        self._make_all()

    def _make_all(self) -> None:
        while self._noted:
            noted = self._noted.popleft()
            count = 1 + len(noted.phases)
            if max(each.waiting for each in self._counting) + count > self._most_waiting:
                self._count(DROPPED, count)
                continue
            for each in self._counting:
                each.given += count
            try:
                self._make(noted)
            except Exception:
                logger.exception("a span could not be made")
            time.sleep(0)  # a prediction may be waiting for the interpreter

    def _make(self, noted: RequestSpan) -> None:
        self._decided.noted, attributes = noted, attributes_of(noted)
        parent = _context_of(noted.begun.trace)
        span = self._tracer.start_span(
            name_of(noted.http), parent, api.SpanKind.SERVER, attributes, start_time=_nanoseconds(noted.start)
        )
        inside = api.set_span_in_context(span, Context())
        for phase in noted.phases:
            child = self._tracer.start_span(phase.name, inside, start_time=_nanoseconds(phase.start))
            child.end(_nanoseconds(phase.end))
        if noted.status >= 500:
            span.set_status(api.Status(api.StatusCode.ERROR, noted.code))
        span.end(_nanoseconds(noted.end))


class _Decided(IdGenerator, Sampler):  # type: ignore[misc]  # OpenTelemetry is not in the linters' environment
    """Gives the SDK the ids and the sampling decision of a noted request, and new ids for its phases."""

    noted: RequestSpan | None = None

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_trace_id(self) -> int:
        """Return the id of the request's trace."""
        return int(self.noted.begun.trace.trace_id, 16) if self.noted else self._random.generate_trace_id()

    def generate_span_id(self) -> int:
        """Return the span id that the answer had, once; then new ones."""
        noted, self.noted = self.noted, None
        return int(noted.begun.trace.span_id, 16) if noted else self._random.generate_span_id()

    def is_trace_id_random(self) -> bool:
        """Return whether the trace id is random, for the flag that says so."""
        return bool(self.noted and self.noted.begun.trace.flags & RANDOM)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,  # noqa: ARG002
        name: str,  # noqa: ARG002
        kind: Any = None,  # noqa: ARG002
        attributes: Any = None,
        links: Any = None,  # noqa: ARG002
        trace_state: Any = None,  # noqa: ARG002
    ) -> SamplingResult:
        """Return the decision of the sampler; phases are sampled with their request."""
        if self.noted is None:
            state = api.get_current_span(parent_context).get_span_context().trace_state
            return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)
        made: SamplingResult = self.noted.begun.decision
        return SamplingResult(made.decision, {**(made.attributes or {}), **attributes}, made.trace_state)

    def get_description(self) -> str:
        """Return a name for the SDK's own messages."""
        return "decided when the request was answered"


class _Counting(SpanExporter):  # type: ignore[misc]  # likewise
    """An exporter that counts its spans. The thread that makes spans writes `given`, the SDK's thread the rest."""

    def __init__(self, exporter: SpanExporter, count: Callable[[str, int], object]) -> None:
        self._exporter, self._count = exporter, count
        self.given = self.taken = self.settled = 0

    @property
    def waiting(self) -> int:
        """How many spans the exporter has not begun to send."""
        return self.given - self.taken

    @property
    def unsettled(self) -> int:
        """How many spans have neither been sent nor failed."""
        return self.given - self.settled

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans."""
        self.taken += len(spans)
        try:
            result = self._exporter.export(spans)
        except Exception:
            self._settle(FAILED, len(spans))
            raise
        self._settle(SENT if result is SpanExportResult.SUCCESS else FAILED, len(spans))
        return result

    def _settle(self, outcome: str, spans: int) -> None:
        self.settled += spans
        self._count(outcome, spans)

    def shutdown(self) -> None:
        """Shut down."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Send the spans that the exporter itself keeps."""
        return bool(self._exporter.force_flush(timeout_millis))


def _resource() -> Resource:
    """Return the attributes of this process: those of the environment, and defaults for service name and version."""
    attributes = dict(Resource.create({}).attributes)
    if str(attributes.get("service.name", "unknown_service")).startswith("unknown_service"):
        attributes["service.name"] = "ml-service"
    return Resource({"service.version": VERSION, **attributes})


def _context_of(trace: Trace) -> Context:
    """Return the context in which a request's span is made: the caller's, if there is one."""
    if not trace.parent_id:
        return Context()
    state = api.TraceState.from_header([trace.tracestate]) if trace.state else None
    flags = api.TraceFlags(trace.flags)
    parent = api.SpanContext(
        int(trace.trace_id, 16), int(trace.parent_id, 16), is_remote=True, trace_flags=flags, trace_state=state
    )
    return api.set_span_in_context(api.NonRecordingSpan(parent), Context())


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)
