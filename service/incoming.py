"""What the server tells the application about a request beyond WSGI, in the environ under INCOMING.

The application reads it through `incoming_of`, so it also answers under other WSGI servers, only without what this
server adds.

Imports: service.tracing.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final, NamedTuple

from service.tracing.context import Trace, trace_of

INCOMING: Final = "ml_service.incoming"  # the key in the WSGI environ (PEP 3333)


class Incoming(NamedTuple):
    """A request that has arrived."""

    body: BinaryIO  # without its framing; reading raises OSError if the end of the body never comes
    arrived: float  # when all of the request was there (monotonic clock)
    trace: Trace  # the trace that the request belongs to
    too_large: bool = False  # whether the server discarded the body because it is over the limit
    shed: bool = False  # whether to refuse the request because too many others wait
    caller_has_gone: Callable[[], bool] = lambda: False  # whether the caller has closed the connection, as far as known
    began: float | None = None  # when the first byte was there (monotonic clock), if known


def incoming_of(environ: Mapping[str, Any]) -> Incoming:
    """Return what the server says about a request; under another server, only what every WSGI server says."""
    told: Incoming | None = environ.get(INCOMING)
    return told if told is not None else Incoming(environ["wsgi.input"], time.monotonic(), trace_of(environ))
