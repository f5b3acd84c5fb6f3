"""What the server tells the application of a request beside what WSGI says: passed in the environ, under INCOMING.

The application reads it through `incoming_of`, so it answers the same under any WSGI server, but without
what only ours adds.

Imports: service.tracing.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final, NamedTuple

from service.tracing.context import Trace, trace_of

INCOMING: Final = "ml_service.incoming"  # the key in the WSGI environ (PEP 3333)


class Incoming(NamedTuple):
    """A request that has arrived."""

    body: BinaryIO  # without its framing; reading raises OSError if it cannot be read to its end
    arrived: float  # when all of it was there (monotonic clock)
    trace: Trace  # that it belongs to
    too_large: bool = False  # whether the server threw the body away, because it is over the limit
    shed: bool = False  # whether to refuse it, because too many others wait
    caller_has_gone: Callable[[], bool] = lambda: False  # whether the caller has closed the connection, as far as known
    began: float | None = None  # when its first byte was there (monotonic clock), if known


def incoming_of(environ: Mapping[str, Any]) -> Incoming:
    """Return what the server says of a request; of another server, what every WSGI server says."""
    told: Incoming | None = environ.get(INCOMING)
    return told if told is not None else Incoming(environ["wsgi.input"], time.monotonic(), trace_of(environ))
