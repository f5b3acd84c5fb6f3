"""Pieces that bodies are put together of: little that is repeated often, wide, deep, and changed in places."""

from hypothesis import strategies as st

MOST = 2**21
COUNTS = st.one_of(st.integers(0, 20).map(lambda power: 2**power), st.sampled_from([0, 3, 9_999, 10_000, 10_001]))
LIES = st.one_of(COUNTS, st.sampled_from([-1, 255, 2**31 - 1, 2**32, 2**39, 2**62, 2**63 - 1]))
SPECIAL = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\x80",
    b"\xff" * 8,
    b"\0\0\0\x01",
    b'"',
    b":",
    b",",
]


def times(piece, count, between=b""):
    """Repeat a piece, but not beyond the most bytes that a body has here."""
    count = max(0, min(count, MOST // max(len(piece) + len(between), 1)))
    return (piece + between) * (count - 1) + piece if count else b""


# --- JSON -------------------------------------------------------------------------------------------------------------
_ATOMS = st.one_of(
    st.sampled_from(
        [
            *(
                b"0",
                b"-0",
                b"1.5",
                b"1e308",
                b"1e400",
                b"12345678901234567890",
                b"null",
                b"true",
                b'""',
                b'"x"',
                b'"a:b"',
            ),
            *(b'"\\u0000"', b'"\\ud800"', '"€"'.encode(), '"😀"'.encode(), b'"2021-06-05"', b"[]", b"{}", b'{"":0}'),
        ]
    ),
    st.builds(
        lambda piece, count: b'"' + times(piece, count) + b'"',
        st.sampled_from([b"a", b":", b"\\n", b"\\u00e9", "é".encode()]),
        COUNTS,
    ),
    st.builds(lambda piece, count: b"1" + times(piece, count), st.sampled_from([b"0", b"9", b".0"]), COUNTS),
)


def listed(pieces):
    """Return lists: one piece many times, then another."""
    return st.builds(lambda piece, count, last: b"[" + times(piece + b",", count) + last + b"]", pieces, COUNTS, pieces)


def _object(value, count, same):
    if same:
        return b"{" + times(b'"a":%b' % value, count, b",") + b"}"
    count = min(count, 2**17, MOST // (len(value) + 9))
    return b"{" + b",".join(b'"%x":%b' % (place, value) for place in range(count)) + b"}"


def _larger(inner):
    return st.one_of(
        listed(inner),
        st.builds(_object, inner, COUNTS, st.booleans()),
        st.builds(lambda value, depth: b"[" * depth + value + b"]" * depth, inner, st.integers(0, 1100)),
        st.builds(lambda value, depth: b'{"a":' * depth + value + b"}" * depth, inner, st.integers(0, 1100)),
        st.builds(lambda first, second: b"[" + first + b"," + second + b"]", inner, inner),
    )


VALUES = st.recursive(_ATOMS, _larger, max_leaves=4)


def members(names, values):
    """Return objects of a few members, each by one of these names; a name may come twice."""
    pairs = st.builds(lambda name, value: b'"%b":%b' % (name.encode(), value), st.sampled_from(names), values)
    return st.lists(pairs, min_size=1, max_size=3).map(lambda found: b"{" + b",".join(found) + b"}")


# --- any bytes --------------------------------------------------------------------------------------------------------
_CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(SPECIAL) | st.binary(max_size=4), COUNTS),
    min_size=1,
    max_size=6,
)


def _changed(content, changes):
    """Put pieces in the place of others, each perhaps many times."""
    for where, length, piece, count in changes:
        place = int(where * len(content))
        repeated = times(content[place : place + length] or piece, count) if count > 1 else piece
        content = content[:place] + repeated + content[place + length :]
    return content[: 2 * MOST]


def changed(contents):
    """Return contents that are changed in a few places."""
    return st.builds(_changed, contents, _CHANGES)
