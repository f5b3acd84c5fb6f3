"""What a request notes while it is answered, for its spans, which are made later by another thread."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from service.tracing.context import Trace


class HttpFacts(NamedTuple):
    """What HTTP says about a request; what is not known is empty."""

    method: str
    path: str
    client: str  # the address of whoever connected
    route: str = ""  # the pattern of the path
    host: str = ""
    user_agent: str = ""
    version: str = ""  # such as HTTP/1.1


class Begun(NamedTuple):
    """A request for which the sampler has decided."""

    trace: Trace
    decision: Any  # the sampler's own object; None if the request has no spans


class Phase(NamedTuple):
    """A phase of answering a request; times are in Unix seconds."""

    name: str
    start: float
    end: float


@dataclass(frozen=True)
class ServedBy:
    """The model that answered, and how many rows it predicted; None if their number was never known."""

    name: str
    version: str
    digest: str
    engine: str
    rows: int | None


@dataclass(frozen=True)
class RequestSpan:
    """A request that has been answered; times are in Unix seconds."""

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
    """Makes the spans of requests in a worker."""

    def start(self) -> None:
        """Start the threads that make and send spans, after the fork."""

    def begin(self, trace: Trace, method: str, path: str) -> Begun:
        """Decide whether a request has spans; the returned trace tells others the decision."""

    def add(self, span: RequestSpan) -> None:
        """Have the spans of a request made, unless too many requests wait for that."""

    def close(self, seconds: float, meanwhile: Callable[[], object]) -> None:
        """Send the waiting spans within so many seconds, and call `meanwhile` repeatedly."""
