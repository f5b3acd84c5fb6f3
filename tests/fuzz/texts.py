"""Strategies for what is text: the JSON protocols, JSON Lines and CSV."""

import json

from hypothesis import strategies as st

from tests.badinput import NAMES as IRIS
from tests.fuzz.pieces import COUNTS, LIES, VALUES, listed, members, times
from tests.victims import MIXED, ROWS, WIDE

NAMES = {"wide": WIDE, "mixed": MIXED, "text": ["text"], "iris": IRIS}
MEMBERS = {
    "native": ["features", "instances", "x"],
    "v1": ["instances", "inputs", "signature_name", "parameters", "x"],
    "invocations": ["dataframe_split", "dataframe_records", "instances", "inputs", "params"],
    "azure": ["input_data", "data", "x"],
}


def rows(victim):
    """Return rows of a model as JSON has them, one of them perhaps of another kind."""
    row = json.dumps(ROWS[victim]).encode()
    names = NAMES[victim]
    named = json.dumps(dict(zip(names, [0] * len(names), strict=True))).encode()
    good = st.sampled_from([row, named, row.replace(b"0", b"null", 1)])
    by_name = members(names[:3], listed(VALUES))
    split = members(["columns", "data", "index"], st.one_of(listed(good), st.just(json.dumps(names).encode()), VALUES))
    return st.one_of(listed(st.one_of(good, VALUES)), listed(good), by_name, split, VALUES)


def documents(codec, victim):
    """Return what may be a request of a JSON protocol, or nearly."""
    return st.one_of(members(MEMBERS[codec], rows(victim)), rows(victim), VALUES)


def v2(victim):
    """Return what may be a request of tensors."""
    return st.builds(
        lambda tensors, more: b'{"inputs":[' + b",".join(tensors) + b"]" + more + b"}", tensors(victim), _MORE
    )


_MORE = st.one_of(
    st.just(b""),
    st.builds(
        lambda name, value: b',"%b":%b' % (name, value),
        st.sampled_from([b"id", b"outputs", b"parameters", b"x"]),
        VALUES,
    ),
)


def tensors(victim):
    """Return a few tensors whose shapes may lie."""
    kinds = st.sampled_from([b"FP64", b"FP32", b"INT8", b"UINT64", b"BOOL", b"BYTES", b"x"])
    shapes = st.one_of(
        st.lists(LIES, min_size=1, max_size=3).map(lambda sizes: json.dumps(sizes).encode()),
        st.integers(0, 12).map(lambda power: json.dumps([2**power, len(NAMES[victim])]).encode()),
        VALUES,
    )
    one = st.builds(
        lambda name, kind, shape, data: (
            b'{"name":"%b","datatype":"%b","shape":%b,"data":%b}' % (name.encode(), kind, shape, data)
        ),
        st.sampled_from([*NAMES[victim][:3], "all"]),
        kinds,
        shapes,
        st.one_of(rows(victim), listed(VALUES)),
    )
    many = st.builds(
        lambda tensor, count: [tensor] * min(count, 600), one.filter(lambda found: len(found) < 2000), COUNTS
    )
    return st.one_of(st.lists(one, min_size=1, max_size=3), many)


def lines(victim):
    """Return JSON Lines."""
    row = st.one_of(st.just(json.dumps(ROWS[victim]).encode()), VALUES)
    return st.builds(lambda piece, count, last: times(piece + b"\n", count) + last, row, COUNTS, row)


def csv(victim):
    """Return CSV: a head perhaps, then lines of cells, each of them perhaps many times."""
    names = NAMES[victim]
    cells = st.one_of(
        st.sampled_from(
            [b"0", b"1.5", b"", b"x", b'"a,b"', b'""', b'"', b"nan", b"1e999", b"1_0", "€".encode(), b"true"]
        ),
        st.builds(times, st.sampled_from([b"9", b"a", b'""', b" "]), COUNTS),
    )
    line = st.one_of(
        cells.map(lambda cell: b",".join([cell] * len(names))),
        st.builds(lambda cell, count: times(cell + b",", count), cells, COUNTS),
        st.lists(cells, max_size=6).map(b",".join),
    )
    heads = st.one_of(
        st.sampled_from([b"", ",".join(names).encode() + b"\n", ",".join(names[::-1]).encode() + b"\r\n"]),
        st.integers(0, 2**16).map(lambda count: b",".join(b"%x" % place for place in range(count)) + b"\n"),
    )
    ends = st.sampled_from([b"\n", b"\r\n", b"\r", b"\n\n"])
    return st.builds(
        lambda head, one, end, count, last: head + times(one + end, count) + last, heads, line, ends, COUNTS, line
    )
