"""The trace of a request, as the headers traceparent and tracestate have it (W3C Trace Context, level 2)."""

import os
import re
from collections.abc import Mapping
from typing import Final, NamedTuple

# Version, trace id, the caller's span id and flags. Version 00 ends there; what a later one adds is behind a dash.
_PARENT: Final = re.compile(
    r"(?!ff|00.{54})[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
_MEMBER: Final = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}=[ -+\--<>-~]{0,255}[!-+\--<>-~]")
MOST_MEMBERS, MOST_CHARACTERS, LONG_MEMBER = 32, 512, 128  # of tracestate
SAMPLED, RANDOM = 1, 2  # the flags that are known


class Trace(NamedTuple):
    """A trace, and the span in it that is the answer to this request; ids in hex.

    `parent_id` is the span of the caller, "" where the trace begins here.
    """

    trace_id: str
    span_id: str
    parent_id: str = ""
    flags: int = RANDOM
    state: str = ""  # the header tracestate as it came

    @property
    def sampled(self) -> bool:
        """Whether the caller records the trace."""
        return bool(self.flags & SAMPLED)

    @property
    def new_request_id(self) -> str:
        """An id for a request that has none: the trace's, unless other requests may belong to the trace."""
        return os.urandom(16).hex() if self.parent_id else self.trace_id

    @property
    def traceparent(self) -> str:
        """The header that names this request's span."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags:02x}"

    @property
    def tracestate(self) -> str:
        """The header tracestate as it may be passed on, "" where it is invalid."""
        return _passed_on(self.state)


class RequestIds(NamedTuple):
    """What a request is found by in logs and traces."""

    request_id: str
    trace: Trace


def trace_of(fields: Mapping[str, str]) -> Trace:
    """Return the trace of a request with these fields (by their names in WSGI): the caller's, or a new one.

    A header that is invalid in any way, such as one that came twice, begins a new trace.
    """
    given = fields.get("HTTP_TRACEPARENT")
    found = _PARENT.fullmatch(given) if given is not None else None
    if found is None:
        # Not by `random`, which the model's own code may seed.
        new = os.urandom(24).hex()
        return Trace(new[:32], new[32:])
    trace_id, parent_id, flags = found.groups()
    known = int(flags, 16) & (SAMPLED | RANDOM)
    return Trace(trace_id, os.urandom(8).hex(), parent_id, known, fields.get("HTTP_TRACESTATE", ""))


def _passed_on(state: str) -> str:
    """Return the valid members of a tracestate, fewer if they are too long together; none if one is invalid."""
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
