"""Strategies for what is binary: V2's tensors, npy and Arrow, with sizes that may lie and bytes that may be shared."""

import json
import struct

import numpy as np
from hypothesis import strategies as st

from tests import arrowlies as arrow
from tests.fuzz.pieces import COUNTS, LIES, MOST, times
from tests.fuzz.texts import NAMES

SIZES = {"FP64": 8, "FP32": 4, "INT8": 1, "UINT64": 8, "BOOL": 1, "BYTES": 4}
TEXTS = [struct.pack("<I", len(text)) + text for text in (b"", b"x", b"ab", "€".encode(), b"cats and dogs", b"\xff")]


# --- Open Inference Protocol ------------------------------------------------------------------------------------------
@st.composite
def v2(draw, victim):
    """Return JSON and the tensors behind it, and how long the JSON is said to be."""
    names, inputs, pieces = NAMES[victim], [], []
    for name in draw(st.lists(st.sampled_from([*names[:3], "all"]), min_size=1, max_size=3)):
        kind = draw(st.sampled_from(sorted(SIZES)))
        height = draw(COUNTS)
        shape = draw(st.sampled_from([[height], [height, 1], [height, len(names)], [0, height], [height, 0]]))
        count = int(np.prod(shape))
        if kind == "BYTES":
            data = times(draw(st.sampled_from(TEXTS)), count)
        else:
            data = times(draw(st.sampled_from([b"\0", b"\xff"])) * SIZES[kind], count)
        size = draw(st.one_of(st.just(len(data)), LIES)) if draw(st.integers(0, 3)) == 0 else len(data)
        if draw(st.integers(0, 3)) == 0:
            shape[0] = draw(LIES)
        inputs.append({"name": name, "datatype": kind, "shape": shape, "parameters": {"binary_data_size": size}})
        pieces.append(data)
    if draw(st.integers(0, 5)) == 0:
        return b"".join(pieces), "0"
    head = json.dumps({"inputs": inputs}).encode()
    return b"".join([head, *pieces]), str(len(head))


# --- npy --------------------------------------------------------------------------------------------------------------
KINDS = ["<f8", "<f2", "|i1", "|b1", "<U0", "<U1", "<U1000000", "<M8[s]", "<M8[Y]", "<f16", ">U2"]


@st.composite
def npy(draw, victim):
    """Return a file whose header may say anything of the bytes behind it."""
    names = NAMES[victim]
    kind, height = draw(st.sampled_from(KINDS)), draw(COUNTS)
    if draw(st.booleans()):
        descr, shape = repr(kind), draw(st.sampled_from([(height,), (height, len(names)), (0, height), (height, 1, 1)]))
        width = np.dtype(kind).itemsize
    else:
        count = draw(COUNTS) if draw(st.integers(0, 3)) == 0 else len(names)
        found = [*names, *(f"{place:x}" for place in range(min(count, 4000)))][: max(1, min(count, 4000))]
        descr, shape = f"[{', '.join(f'({name!r}, {kind!r})' for name in found)}]", (height,)
        width = np.dtype(kind).itemsize * len(found)
    if draw(st.integers(0, 3)) == 0:
        shape = tuple(draw(st.lists(LIES, max_size=3))) if draw(st.booleans()) else shape * min(draw(COUNTS), 5000)
    size = (
        min(int(width * np.prod(shape[:3], dtype=float)), MOST)
        if draw(st.booleans())
        else width * min(height, MOST // max(width, 1))
    )
    data = times(draw(st.sampled_from([b"\0", b"\xac\x20\0\0", b"\xff"])), size)[:size]
    head = f"{{'descr': {descr}, 'fortran_order': {draw(st.booleans())}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\2\0" + struct.pack("<I", len(head)) + head + data


# --- Arrow ------------------------------------------------------------------------------------------------------------
TYPES = {
    "f8": arrow.FLOAT[64],
    "i1": arrow.WHOLE[8],
    "bits": arrow.TRUTH,
    "days": arrow.DAYS,
    "us": arrow.MOMENTS,
    "text": arrow.TEXT,
    "views": arrow.VIEWS,
}
BYTES = {"f8": 8, "i1": 1, "days": 4, "us": 8}


@st.composite
def _column(draw, kind, height):
    """Return the buffers of so many values of a kind."""
    text = draw(st.sampled_from([b"", b"x", "€".encode(), b"a text that is long", b"\xff"]))
    long = times(text, draw(COUNTS)) if draw(st.integers(0, 3)) == 0 else text
    if kind == "text":
        ends = np.arange(height + 1, dtype="<i4") * len(text)
        return [b"", ends.tobytes(), text * height]
    if kind == "views":
        size = draw(st.one_of(st.just(len(long)), LIES)) if draw(st.integers(0, 5)) == 0 else len(long)
        number, start = draw(st.sampled_from([(0, 0), (1, 0), (-1, 0), (0, 1)]))
        view = struct.pack("<i4sii", min(size, 2**31 - 1), b"abcd", number, start)
        return [b"", times(view, height), long]
    if kind == "bits":
        return [b"", bytes((height + 7) // 8)]
    return [b"", draw(st.sampled_from([b"\0", b"\xff"])) * (height * BYTES[kind])]


@st.composite
def _values(draw, make, kinds):
    """Return a batch, or what a dictionary has, of columns of these kinds."""
    height = min(draw(COUNTS), MOST // (20 * len(kinds)))
    shared = draw(st.integers(0, 4)) == 0
    one = draw(_column(kinds[0], height))
    columns = [one if shared or kind == kinds[0] else draw(_column(kind, height)) for kind in kinds]
    places, body = arrow.laid(*one) if shared else arrow.laid(*(buffer for column in columns for buffer in column))
    places = places * len(kinds) if shared else places
    said = draw(LIES) if draw(st.integers(0, 4)) == 0 else height
    missing = draw(st.sampled_from([0, 0, 0, 1, -1]))
    if draw(st.integers(0, 5)) == 0:
        places = [(draw(LIES), draw(LIES)) if draw(st.booleans()) else place for place in places[:50]] + places[50:]
    further = [1] * kinds.count("views") if draw(st.integers(0, 9)) else [draw(COUNTS)]
    return make(said, [(said, missing)] * len(kinds), places, body, further=further)


@st.composite
def stream(draw, victim, *, file=False):
    """Return a schema that is the model's or nearly, then dictionaries and batches, each perhaps many times."""
    names = [*NAMES[victim]] if draw(st.integers(0, 5)) else draw(st.lists(st.text(max_size=8), max_size=5))
    kinds = (
        [draw(st.sampled_from(sorted(TYPES)))] * len(names)
        if len(names) > 5
        else [draw(st.sampled_from(sorted(TYPES))) for _ in names]
    )
    coded = draw(st.booleans())
    places = draw(st.sampled_from(["i1", "f8"]))
    fields = [
        arrow.Field(
            name, TYPES[kind], place % 3 if coded else None, TYPES[places] if places == "i1" else arrow.WHOLE[64]
        )
        for place, (name, kind) in enumerate(zip(names, kinds, strict=True))
    ]
    messages = [arrow.schema(*fields, shared=min(draw(COUNTS), MOST // 16) if draw(st.integers(0, 9)) == 0 else 1)]
    for _ in range(draw(st.integers(1, 4)) if names else 0):
        if coded and draw(st.booleans()):
            number, more = draw(st.integers(0, 3)), draw(st.booleans())
            message = draw(
                _values(
                    lambda *args, n=number, m=more, **options: arrow.dictionary(n, *args, more=m, **options),
                    [kinds[number % len(kinds)]],
                )
            )
        else:
            message = draw(_values(arrow.batch, [places] * len(names) if coded else kinds))
        messages.append(times(message, draw(COUNTS) if draw(st.booleans()) else 1))
    found = b"".join(messages)
    return arrow.as_file(found) if file or draw(st.booleans()) else found
