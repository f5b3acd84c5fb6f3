"""What is noted of a request while it is answered, for its spans, which are made later and elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from service.tracing.context import Trace


class HttpFacts(NamedTuple):
    """A request as HTTP has it; empty where that is not known."""

    method: str
    path: str
    client: str  # the address of whoever connected
    route: str = ""  # the pattern of the path
    host: str = ""
    user_agent: str = ""
    version: str = ""  # such as HTTP/1.1


class Begun(NamedTuple):
    """A request whose sampling is decided."""

    trace: Trace
    decision: Any  # the sampler's own, None where the request has no spans


class Phase(NamedTuple):
    """A part of a request; Unix seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class ServedBy:
    """The model that answered, and with how many rows, None if it did not get to know that."""

    name: str
    version: str
    digest: str
    engine: str
    rows: int | None


@dataclass(frozen=True)
class RequestSpan:
    """A request that is answered; times in Unix seconds."""

    begun: Begun
    http: HttpFacts
    start: float
    end: float
    request_id: str
    code: str
    status: int
    protocol: str | None = None
    model: ServedBy | None = None
    phases: tuple[Phase, ...] = ()


class Tracer(Protocol):
    """Makes spans of requests, in a worker."""

    def start(self) -> None:
        """Start what makes and sends spans, after the fork."""

    def begin(self, trace: Trace, method: str, path: str) -> Begun:
        """Decide whether a request has spans; the trace that is returned says so to others."""

    def add(self, span: RequestSpan) -> None:
        """Have the spans of a request made, unless too many wait for that."""

    def close(self, seconds: float, meanwhile: Callable[[], object]) -> None:
        """Send what waits within so many seconds, and call `meanwhile` again and again."""
