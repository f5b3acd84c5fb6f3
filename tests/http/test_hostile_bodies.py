"""Bodies made to harm: refused with a 4xx, in little memory, and nothing in them is run."""

import gzip
import io
import json
import pickle
import struct
import time
import tracemalloc
import zlib
from random import Random

import numpy as np
import pyarrow as pa
import pytest

from tests.badinput import JSON, ROW
from tests.dialects import ARROW, CSV, LENGTH, NPY, Asked, Table, as_arrow, as_csv, as_npy, binary, csv_text
from tests.dialecttable import INVOCATIONS

MOST_MEMORY = 40 * 2**20  # twice MAX_BODY_BYTES, and some
IRIS = Table(["a", "b", "c", "d"], ["float64"] * 4, [ROW] * 20)


def npy(header, data=b"\0" * 32, version=b"\1\0", size=None):
    text = header if isinstance(header, bytes) else header.encode()
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(text) if size is None else size)
    return b"\x93NUMPY" + version + length + text + data


def described(shape="(1, 4)", descr="'<f8'", order="False"):
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


class Bomb:
    def __reduce__(self):
        return print, ("a pickle was run",)


def objects():
    stream = io.BytesIO()
    np.save(stream, np.array([[Bomb()] * 4], dtype=object), allow_pickle=True)
    return stream.getvalue()


HUGE = 10**9
NAMES = ["sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)"]
SIGNALLING = np.full(20, 0x7F800001, "<u4").view("<f4")  # NaNs that warn when they are cast
NPYS = {
    "floats beyond 64 bits": npy(described(descr="'<f16'"), b"\0" * 64),
    "signalling NaN": npy(described(descr="'<f4'"), SIGNALLING[:4].tobytes()),
    "signalling NaN by column": npy(
        described(descr=str([(name, "<f4") for name in NAMES]), shape="(1,)"), SIGNALLING[:4].tobytes()
    ),
    "not npy": b"\x80\x04K\x01.",
    "a pickle": pickle.dumps(Bomb()),
    "an object array": objects(),
    "objects in a structure": npy(described(descr="[('a', '|O')]", shape="(1,)")),
    "truncated head": b"\x93NUMPY\1",
    "truncated header": npy(described())[:40],
    "truncated data": npy(described(shape="(2, 4)")),
    "data left over": npy(described(), b"\0" * 40),
    "claimed rows": npy(described(shape=f"({HUGE}, 4)")),
    "claimed beyond 64 bits": npy(described(shape=f"({10**30}, 4)")),
    "more dimensions than numpy has": npy(described(shape="(" + "1, " * 99 + "1)", descr="'<f8'"), b"\0" * 8),
    "nothing, of huge sizes": npy(described(shape=f"(0, {10**17}, {10**17})"), b""),
    "negative shape": npy(described(shape="(-1, 4)")),
    "two negatives": npy(described(shape="(-1, -4)")),
    "shape no numbers": npy(described(shape="('a', 4)")),
    "true for a size": npy(described(shape="(True, 4)")),
    "header length lies": npy(described(), version=b"\2\0", size=2**31),
    "version 9": npy(described(), version=b"\t\0"),
    "header no literal": npy("__import__('os').system('true')\n"),
    "header nested": npy("(" * 5000 + ")" * 5000, version=b"\2\0"),
    "header of minuses": npy("-" * 60000, version=b"\2\0"),
    "complex": npy(described(descr="'<c16'", shape="(1, 2)")),
    "void": npy(described(descr="'|V32'", shape="(1,)")),
    "bytes": npy(described(descr="'|S8'", shape="(1, 4)")),
    "texts of no size": npy(described(descr="'<U0'", shape=f"({HUGE}, 4)"), b""),
    "subarrays": npy(described(descr=f"[('a', '<f8', ({HUGE},))]", shape="(1,)")),
    "three dimensions": npy(described(shape="(1, 2, 2)")),
    "no dimension": npy(described(shape="()"), b"\0" * 8),
    "texts that are none": npy(described(descr="'<U1'"), b"\xff" * 16),
}


def v2(document, data=b"", size=None):
    head = json.dumps(document).encode()
    return head + data, {LENGTH: str(len(head) if size is None else size)}


def tensor(shape, size, datatype="FP64"):
    return {"inputs": [{"name": "x", "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size}}]}


TEXTS = struct.pack("<I", 2) + b"ab"
V2S = {
    "claimed elements": v2(tensor([HUGE, 4], 32), b"\0" * 32),
    "claimed bytes": v2(tensor([HUGE, 4], 32 * HUGE), b"\0" * 32),
    "beyond 64 bits": v2(tensor([2**39, 2**39], 32), b"\0" * 32),
    "negative shape": v2(tensor([-1, -4], 32), b"\0" * 32),
    "negative size": v2(tensor([1, 4], -32), b"\0" * 32),
    "size no number": v2(tensor([1, 4], "32"), b"\0" * 32),
    "size a fraction": v2(tensor([1, 4], 32.0), b"\0" * 32),
    "truncated": v2(tensor([1, 4], 32), b"\0" * 31),
    "left over": v2(tensor([1, 4], 32), b"\0" * 33),
    "header beyond the body": v2(tensor([1, 4], 32), b"", 10**9),
    "header cut": v2(tensor([1, 4], 32), b"\0" * 32, 20),
    "no truth": v2(tensor([1, 4], 4, "BOOL"), b"\0\1\2\3"),
    "text longer than it is": v2(tensor([1], 6, "BYTES"), struct.pack("<I", HUGE) + b"ab"),
    "many empty texts": v2(tensor([HUGE], 6, "BYTES"), TEXTS),
    "text cut": v2(tensor([2], 8, "BYTES"), TEXTS + b"\1\0"),
    "text not UTF-8": v2(tensor([1], 6, "BYTES"), struct.pack("<I", 2) + b"\xc3\x28"),
    "raw, cut": (b"\0" * 33, {LENGTH: "0"}),
    "raw, nothing": (b"", {LENGTH: "0"}),
    "infinite": v2(tensor([1, 4], 32), np.full(4, np.inf).tobytes()),
    "signalling NaN": v2(tensor([1, 4], 16, "FP32"), SIGNALLING[:4].tobytes()),
    "not a number": v2(tensor([1, 4], 32), np.full(4, np.nan).tobytes()),
}


def arrow(table, **options):
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return stream.getvalue()


COLUMNS = pa.table({name: [1.0] * 5 for name in NAMES})
GOOD = arrow(COLUMNS)
ARROWS = {
    "nothing": b"",
    "no Arrow": b"{}",
    "schema only": arrow(COLUMNS.slice(0, 0)),
    "truncated": GOOD[:-100],
    "compressed": arrow(pa.table({name: np.zeros(10**6) for name in NAMES}), compression="zstd"),
    "claimed rows": GOOD.replace(struct.pack("<q", 5), struct.pack("<q", HUGE)),
    "negative rows": GOOD.replace(struct.pack("<q", 5), struct.pack("<q", -5)),
    "claimed message": GOOD[:4] + struct.pack("<I", 2**31) + GOOD[8:],
    "nested lists": arrow(pa.table({name: [[1.0]] * 5 for name in NAMES})),
    "objects": arrow(pa.table({name: [b"x"] * 5 for name in NAMES})),
    "many batches": GOOD[: GOOD.rindex(b"\xff\xff\xff\xff")] * 3,
    "signalling NaN": arrow(pa.table(dict.fromkeys(NAMES, SIGNALLING[:5]))),
    "infinite": arrow(pa.table({name: [float("inf")] * 5 for name in NAMES})),
    "two of a name": arrow(pa.Table.from_arrays([pa.array([1.0])] * 5, names=[*NAMES, NAMES[0]])),
    "other columns": arrow(pa.table({f"c{place}": [1.0] for place in range(5000)})),
}
ZEROS = b"\0" * (200 * 2**20)
GZIPS = {
    "a bomb": gzip.compress(ZEROS, 1),
    "a bomb in a bomb": gzip.compress(gzip.compress(ZEROS, 1), 1),
    "truncated": gzip.compress(b"[]")[:-4],
    "not gzip": b"[]",
    "two members": gzip.compress(b"[]") + gzip.compress(b"[]"),
    "wrong checksum": gzip.compress(b"[]")[:-8] + b"\0" * 8,
    "raw deflate": zlib.compress(b"[]")[2:-4],
}
CSVS = {
    "no UTF-8": b"1,2,3,\xff\n",
    "NUL": b"1,2,3,\0\n",
    "an open quote": b'1,2,3,"4',
    "a long cell": b"1,2,3," + b"9" * 200_000,
    "ragged": b"1,2,3,4\n1,2,3\n",
    "too large a number": b"1,2,3,1e999\n",
    "infinity": b"1,2,3,inf\n",
    "underscores": b"1,2,3,1_0\n",
    "another script's digits": "1,2,3,\u0661\n".encode(),
    "a formula": b"1,2,3,=1+1\n",
    "missing": b"1,2,3,\n",
    "nothing": b"",
    "millions of lines": b"1\n" * 5_000_000,
    "millions of blank lines": b"\n" * 10_000_000,
    "digits that are no number": b"1" * 100_000 + b"x,1,1,1\n",
}
LINES = {"millions of lines": b"[]\n" * 5_000_000, "blank lines": b"\n" * 10_000_000, "not JSON": b"{\n}\n"}
MANY = {"inputs": [{"name": f"{place}", "shape": [0], "datatype": "FP64", "data": []} for place in range(5_000)]}
V2_IRIS = "/v2/models/iris/infer"
HOSTILE = {
    **{f"npy: {name}": ("/predict", body, {"Content-Type": NPY}) for name, body in NPYS.items()},
    **{f"npy invoked: {name}": (INVOCATIONS, body, {"Content-Type": NPY}) for name, body in NPYS.items()},
    **{f"v2: {name}": (V2_IRIS, *parts) for name, parts in V2S.items()},
    **{f"Arrow: {name}": ("/predict", body, {"Content-Type": ARROW}) for name, body in ARROWS.items()},
    **{
        f"JSON Lines: {name}": (INVOCATIONS, body, {"Content-Type": "application/jsonlines"})
        for name, body in LINES.items()
    },
    "v2: many tensors": (V2_IRIS, json.dumps(MANY).encode(), {}),
    **{f"CSV: {name}": ("/predict", body, {"Content-Type": CSV}) for name, body in CSVS.items()},
    **{
        f"gzip: {name} to {path}": (path, body, {"Content-Type": JSON, "Content-Encoding": "gzip"})
        for name, body in GZIPS.items()
        for path in ("/predict", V2_IRIS)
    },
}


@pytest.fixture(scope="module")
def victim(iris_bundle):
    from tests.http.conftest import Server  # noqa: PLC0415  # the module is a conftest

    return Server(iris_bundle)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_body_is_refused_in_little_memory_and_not_run(victim, name, capfd):
    """Nothing is allocated for a size that the body does not have, and a pickle is never opened."""
    path, body, headers = HOSTILE[name]
    tracemalloc.start()
    start = time.process_time()

    answer = victim.client.post(path, data=body, headers=headers)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 400 <= answer.status_code < 500, answer.data
    assert peak < len(body) + MOST_MEMORY
    assert time.process_time() - start < 5
    assert "pickle" not in capfd.readouterr().out
    assert 0 == victim.predict({"features": ROW}).json["prediction"]


def named(table):
    return Table(NAMES, table.kinds, table.rows)


CODED = arrow(pa.table({name: pa.array(["1", None]).dictionary_encode() for name in NAMES}))
VIEWED = arrow(pa.table({name: pa.array(["x", "a text that is long"], pa.string_view()) for name in NAMES}))
SEEDS = [
    as_npy(IRIS),
    as_arrow(named(IRIS)),
    Asked("/predict", CODED, {"Content-Type": ARROW}),
    Asked("/predict", VIEWED, {"Content-Type": ARROW}),
    as_csv(named(IRIS)),
    Asked(V2_IRIS, binary(IRIS).body, binary(IRIS).headers),
    Asked(INVOCATIONS, csv_text(IRIS, head=False), {"Content-Type": CSV}),
    Asked("/predict", gzip.compress(b'{"features": [1, 2, 3, 4]}'), {"Content-Type": JSON, "Content-Encoding": "gzip"}),
]
SPECIAL = [b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8, b"\0\0\0\x01"]


@pytest.mark.parametrize("seed", range(len(SEEDS)))
def test_a_body_with_damage_anywhere_is_answered_or_refused(victim, seed):
    """A body that is truncated, or overwritten at random, never has a 5xx or a crash as its answer."""
    random, question = Random(seed), SEEDS[seed]
    found = set()
    for _ in range(400):
        body = bytearray(question.body)
        if random.random() < 0.2:
            del body[random.randrange(len(body)) :]
        for _ in range(random.choice([0, 1, 1, 2, 8])):
            if body:
                place, piece = random.randrange(len(body)), random.choice([*SPECIAL, random.randbytes(1)])
                body[place : place + len(piece)] = piece
        answer = victim.client.post(question.path, data=bytes(body), headers=question.headers)
        found.add(answer.status_code)

    assert found <= {200, 400, 413, 422}, found
    assert {400, 422} & found
