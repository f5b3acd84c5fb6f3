"""The trace of a request, by the headers traceparent and tracestate (W3C Trace Context, level 2)."""

import os
import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

# Version, trace id, the caller's span id and flags. Version 00 ends there; later versions may add more after a dash.
_PARENT: Final = re.compile(
    r"(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
_MEMBER: Final = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]")
MOST_MEMBERS, MOST_CHARACTERS, LONG_MEMBER = 32, 512, 128  # of tracestate
SAMPLED, RANDOM = 1, 2  # the flags that are known
_DRAWN: Final = 128  # how many ids a pool draws at once
_FLAGS: Final = ("00", "01", "02", "03")


def random_ids() -> str:
    """Return 48 random hex digits: a trace id and a span id. Not from `random`, which the model's code may seed."""
    return os.urandom(24).hex()


class IdPool:
    """Draws the same ids as `random_ids`, but many at once, so that few requests wait for the system.

    Each worker makes its own pool after its fork, so that no two workers use the same ids.
    """

    def __init__(self) -> None:
        self._drawn: list[str] = []

    def draw(self) -> str:
        """Return 48 hex digits that were not returned before."""
        try:
            return self._drawn.pop()
        except IndexError:
            digits = os.urandom(24 * _DRAWN).hex()
            self._drawn = [digits[start : start + 48] for start in range(0, len(digits), 48)]
            return random_ids()


class Trace(NamedTuple):
    """A trace, and its span for the answer to this request; ids are in hex.

    `new_request_id` is for a request without an id: the trace's own id, unless other requests may belong to the trace.
    `parent_id` is the caller's span, "" if the trace begins here.
    """

    trace_id: str
    span_id: str
    new_request_id: str = ""
    parent_id: str = ""
    flags: int = RANDOM
    state: str = ""  # the header tracestate as it came

    @property
    def sampled(self) -> bool:
        """Whether the caller records the trace."""
        return bool(self.flags & SAMPLED)

    @property
    def traceparent(self) -> str:
        """The header that names this request's span."""
        return f"00-{self.trace_id}-{self.span_id}-{_FLAGS[self.flags]}"

    @property
    def tracestate(self) -> str:
        """The header tracestate as it may be passed on, "" if it is invalid."""
        return _passed_on(self.state)


class RequestIds(NamedTuple):
    """The ids by which logs and traces name a request."""

    request_id: str
    trace: Trace


def trace_of(fields: Mapping[str, str], draw: Callable[[], str] = random_ids) -> Trace:
    """Return the trace of a request with these fields (by their names in WSGI): the caller's, or a new one.

    If the header is invalid in any way, for example because it came twice, a new trace begins.
    """
    given = fields.get("HTTP_TRACEPARENT")
    match = _PARENT.fullmatch(given) if given is not None else None
    new = draw()
    if match is None:
        return Trace(new[:32], new[32:], new[:32])
    trace_id, parent_id, flags = match.groups()
    known = int(flags, 16) & (SAMPLED | RANDOM)
    return Trace(trace_id, new[32:], new[:32], parent_id, known, fields.get("HTTP_TRACESTATE", ""))


def _passed_on(state: str) -> str:
    """Return the members of a tracestate, fewer if they are too long together, and none if any is invalid."""
    members = [each.strip(" \t") for each in state.split(",")]
    members = [each for each in members if each]
    keys = {each.partition("=")[0] for each in members}
    if len(members) > MOST_MEMBERS or len(keys) < len(members) or not all(map(_MEMBER.fullmatch, members)):
        return ""
    if len(",".join(members)) > MOST_CHARACTERS:  # the long ones go first, then the last ones (3.3.1.5)
        members = [each for each in members if len(each) <= LONG_MEMBER]
    while len(joined := ",".join(members)) > MOST_CHARACTERS:
        members.pop()
    return joined
