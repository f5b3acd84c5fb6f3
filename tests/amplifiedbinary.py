"""npy and binary V2 bodies that stand for much work or memory, as tests.amplifiedarrow has Arrow's."""

import json
import struct

import numpy as np

from tests.badinput import NAMES
from tests.dialects import LENGTH
from tests.victims import MOST_ROWS, WIDE


def npy(descr, shape, data, order="False"):
    head = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\2\0" + struct.pack("<I", len(head)) + head + data


def fields(names, kind):
    return f"[{', '.join(f'({name!r}, {kind!r})' for name in names)}]"


def numbers(last):
    """Return 2,000 rows of 500, the last number being this one."""
    found = np.zeros((2000, len(WIDE)))
    found[-1, -1] = last
    return found.tobytes()


NPY = {
    "two million dates": ("text", lambda: npy("'<M8[s]'", "(2000000,)", bytes(16_000_000)), "too_many_rows"),
    "four million texts": ("text", lambda: npy("'<U1'", "(4000000,)", b"\xac\x20\0\0" * 4_000_000), "too_many_rows"),
    "one text of a million": ("text", lambda: npy("'<U1000000'", "(1,)", b"a\0\0\0" * 10**6), 1),
    "3,500 fields": (
        "iris",
        lambda: npy(fields([f"{i:x}" for i in range(3500)], "|b1"), "(1000,)", bytes(3_500_000)),
        "unknown_feature",
    ),
    "4,500 equal fields": ("iris", lambda: npy(fields(["f"] * 4500, "|b1"), "(1,)", bytes(4500)), "invalid_body"),
    "two million dates by another name": (
        "mixed",
        lambda: npy(fields(["x"], "<M8[D]"), "(2000000,)", bytes(16_000_000)),
        "unknown_feature",
    ),
    "15,000 dimensions": ("iris", lambda: npy("'<f8'", f"({'1, ' * 15_000}1)", bytes(8)), "invalid_body"),
    "a size of 54,000 digits": (
        "iris",
        lambda: npy("'<f8'", f"({'9' * 18}{f', {9:9<18}' * 2999})", bytes(8)),
        "invalid_body",
    ),
    "rows of nothing": ("iris", lambda: npy(fields(NAMES, "<U0"), "(1000000000,)", b""), "invalid_body"),
    "columns before rows": ("wide", lambda: npy("'<f8'", "(2000, 500)", numbers(0.0), "True"), 2000),
    "a byte for each number": ("wide", lambda: npy("'|i1'", f"({MOST_ROWS}, 500)", bytes(500 * MOST_ROWS)), MOST_ROWS),
    "one NaN in a million": ("wide", lambda: npy("'<f8'", "(2000, 500)", numbers(np.nan)), "invalid_value"),
}


def binary(tensors, data):
    """Return the JSON with the bytes behind it, and the header that says where they begin."""
    head = json.dumps({"inputs": tensors}).encode()
    return head + data, {LENGTH: str(len(head))}


def tensor(name, shape, size, datatype="BYTES"):
    return {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size}}


def inputs(count, shape, size, datatype="FP64"):
    """Return so many inputs of the wide model, all alike."""
    return binary([tensor(name, shape, size, datatype) for name in WIDE[:count]], bytes(count * size))


FOUR_MILLION = 4_000_000
V2 = {
    "four million empty texts": (
        "text",
        lambda: binary([tensor("text", [FOUR_MILLION], 4 * FOUR_MILLION)], bytes(4 * FOUR_MILLION)),
        "too_many_rows",
    ),
    "four million empty texts for one": (
        "text",
        lambda: binary([tensor("text", [1], 4 * FOUR_MILLION)], bytes(4 * FOUR_MILLION)),
        "invalid_body",
    ),
    "four million empty texts and no JSON": ("text", lambda: (bytes(4 * FOUR_MILLION), {LENGTH: "0"}), "too_many_rows"),
    "10,000 empty texts": ("text", lambda: binary([tensor("text", [MOST_ROWS], 40_000)], bytes(40_000)), MOST_ROWS),
    "no rows of 2³⁹": ("iris", lambda: binary([tensor("x", [0, 2**39], 0, "FP64")], b""), "wrong_feature_count"),
    "2³⁹ rows of nothing": ("iris", lambda: binary([tensor("x", [2**39, 0], 0, "FP64")], b""), "too_many_rows"),
    "500 inputs of no rows": ("wide", lambda: inputs(500, [0], 0), "no_rows"),
    "500 inputs of 1,000 bytes": ("wide", lambda: inputs(500, [1000], 1000, "UINT8"), 1000),
    "a thousand inputs": (
        "wide",
        lambda: binary([tensor(f"q{i}", [1], 0) for i in range(1000)], b""),
        "invalid_request",
    ),
    "the same bytes twice": (
        "mixed",
        lambda: binary([tensor(name, [1], 8, "FP64") for name in "ab"], bytes(8)),
        "invalid_request",
    ),
    "one NaN in a million": (
        "wide",
        lambda: binary([tensor("all", [2000, 500], 8_000_000, "FP64")], numbers(np.nan)),
        "invalid_value",
    ),
}
