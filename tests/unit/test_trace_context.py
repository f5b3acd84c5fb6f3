"""The trace of a request, as W3C Trace Context has it."""

import re

import pytest

from service.tracing.context import IdPool, trace_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
INVALID = {
    "empty": "",
    "version ff": f"ff-{TRACE}-{SPAN}-01",
    "no trace id": f"00-{'0' * 32}-{SPAN}-01",
    "no span id": f"00-{TRACE}-{'0' * 16}-01",
    "capitals": f"00-{TRACE.upper()}-{SPAN}-01",
    "a short trace id": f"00-{TRACE[1:]}-{SPAN}-01",
    "a long span id": f"00-{TRACE}-{SPAN}0-01",
    "other characters": f"00-{TRACE[1:]}g-{SPAN}-01",
    "more in version 00": f"00-{TRACE}-{SPAN}-01-x",
    "a dash in version 00": f"00-{TRACE}-{SPAN}-01-",
    "no flags": f"00-{TRACE}-{SPAN}",
    "short flags": f"00-{TRACE}-{SPAN}-1",
    "more flags in a later version": f"01-{TRACE}-{SPAN}-011",
    "twice": f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
    "a line feed": f"00-{TRACE}-{SPAN}-01\n",
    "spaces": f" 00-{TRACE}-{SPAN}-01",
}


def of(parent, state=""):
    return trace_of({"HTTP_TRACEPARENT": parent, "HTTP_TRACESTATE": state})


@pytest.mark.parametrize("name", INVALID)
def test_an_invalid_traceparent_begins_a_new_trace(name):
    """With new ids, no parent, and nothing of the caller's state."""
    trace = of(INVALID[name], "a=1")

    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-02", trace.traceparent)
    assert TRACE != trace.trace_id
    assert ("", "", False) == (trace.parent_id, trace.tracestate, trace.sampled)


@pytest.mark.parametrize(
    ("parent", "flags"),
    [
        (f"00-{TRACE}-{SPAN}-00", "00"),
        (f"00-{TRACE}-{SPAN}-01", "01"),
        (f"00-{TRACE}-{SPAN}-03", "03"),
        (f"00-{TRACE}-{SPAN}-ff", "03"),
        (f"01-{TRACE}-{SPAN}-01", "01"),
        (f"cc-{TRACE}-{SPAN}-01-what-will-be", "01"),
        (f"cc-{TRACE}-{SPAN}-01-", "01"),
    ],
)
def test_a_valid_traceparent_is_continued(parent, flags):
    """Its trace goes on in a span of our own; unknown flags are left out, and a later version is read as 00."""
    trace = of(parent)

    assert re.fullmatch(rf"00-{TRACE}-(?!{SPAN})[0-9a-f]{{16}}-{flags}", trace.traceparent)
    assert (SPAN, flags[1] in "13") == (trace.parent_id, trace.sampled)


def test_ids_are_new_each_time():
    """Also where the trace is the same: a request is one span of it."""
    assert 100 == len({of(f"00-{TRACE}-{SPAN}-01").span_id for _ in range(100)})
    assert 100 == len({trace_of({}).trace_id for _ in range(100)})


@pytest.mark.parametrize(
    ("state", "passed_on"),
    [
        ("a=1", "a=1"),
        (" a=1 ,\t b=2,, ", "a=1,b=2"),
        ("0tenant@system=value with spaces", "0tenant@system=value with spaces"),
        ("a=b=c", ""),
        (",".join(f"k{n}=v" for n in range(32)), ",".join(f"k{n}=v" for n in range(32))),
        (",".join(f"k{n}=v" for n in range(33)), ""),
        ("a=1,a=2", ""),
        ("a", ""),
        ("=1", ""),
        ("A=1", ""),
        ("a=", ""),
        ("a=\x7f", ""),
        ("a=ä", ""),
        (f"{'k' * 256}=v", f"{'k' * 256}=v"),
        (f"{'k' * 257}=v", ""),
        (f"a={'v' * 257}", ""),
        (f"a={'v' * 126}", f"a={'v' * 126}"),
    ],
)
def test_a_tracestate_is_passed_on_if_it_is_valid(state, passed_on):
    """Up to 32 members with keys of their own; one that is invalid makes all of it invalid."""
    assert passed_on == of(f"00-{TRACE}-{SPAN}-01", state).tracestate


def test_a_tracestate_that_is_too_long_loses_its_long_members_first():
    """Of more than 512 characters, members over 128 go, then the last ones; what stays is whole."""
    long, short = f"long={'v' * 200}", [f"k{n}={'v' * 100}" for n in range(6)]

    assert ",".join(short[:4]) == of(f"00-{TRACE}-{SPAN}-01", ",".join([long, *short])).tracestate


def test_a_hostile_tracestate_costs_little():
    """A head is at most 64 KB; one of commas is read in milliseconds."""
    assert ("", "") == (of(f"00-{TRACE}-{SPAN}-01", "," * 65536).tracestate, of("x", "a=" * 32768).tracestate)


def test_a_request_id_is_the_trace_only_where_it_begins():
    """Two requests may belong to one trace of a caller, and then have ids of their own."""
    begun, parent = trace_of({}), f"00-{TRACE}-{SPAN}-01"

    assert begun.trace_id == begun.new_request_id
    assert 3 == len({TRACE, of(parent).new_request_id, of(parent).new_request_id})
    assert re.fullmatch(r"[0-9a-f]{32}", of(parent).new_request_id)


def test_a_pool_gives_no_id_twice():
    """Also when it asks the system for more, and beside another worker's."""
    pools = IdPool(), IdPool()
    drawn = [pool.draw() for pool in pools for _ in range(1000)]

    assert 2000 == len(set(drawn)) == len({ids[:16] for ids in drawn}) == len({ids[32:] for ids in drawn})
    assert {48} == set(map(len, drawn))
