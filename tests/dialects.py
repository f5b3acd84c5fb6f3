"""The same rows in every protocol's words, and its answers read back; nothing of the product is imported here."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

ARROW, NPY, CSV = "application/vnd.apache.arrow.stream", "application/x-npy", "text/csv"
LENGTH = "Inference-Header-Content-Length"


@dataclass(frozen=True)
class Asked:
    """One request."""

    path: str
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Rows as JSON has them (null for a missing value), with the names and kinds of their columns."""

    names: list[str]
    kinds: list[str]
    rows: list[list[Any]]

    @property
    def columns(self) -> dict[str, list[Any]]:
        return dict(zip(self.names, map(list, zip(*self.rows, strict=True)), strict=True))

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [dict(zip(self.names, row, strict=True)) for row in self.rows]

    @property
    def numeric(self) -> bool:
        return set(self.kinds) == {"float64"}

    @property
    def whole(self) -> bool:
        """Say whether no text or truth value is missing: not every format has a word for that."""
        kinds = zip(self.kinds, self.columns.values(), strict=True)
        return all(kind == "float64" or None not in column for kind, column in kinds)


@dataclass(frozen=True)
class Dialect:
    """One way of asking, and how to read what comes back: labels, and probabilities by row where it has them."""

    name: str
    protocol: str
    ask: Callable[[Table], Asked]
    read: Callable[[bytes, Any], tuple[list[Any], Any]]
    can: Callable[[Table], bool] = lambda table: True
    most_rows: int | None = None  # of one request


def post(path: str, document: Any, **headers: str) -> Asked:
    return Asked(path, json.dumps(document).encode(), {"Content-Type": "application/json", **headers})


# --- Open Inference Protocol -----------------------------------------------------------------------------------------
V2 = "/v2/models/case/infer"
DATATYPES = {"float64": "FP64", "bool": "BOOL"}


def tensors(table: Table) -> list[dict[str, Any]]:
    if table.numeric:
        return [{"name": "all", "datatype": "FP64", "shape": [len(table.rows), len(table.names)], "data": table.rows}]
    return by_feature(table)


def by_feature(table: Table, shape: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    return [
        {"name": name, "datatype": DATATYPES.get(kind, "BYTES"), "shape": [len(column), *shape], "data": column}
        for (name, column), kind in zip(table.columns.items(), table.kinds, strict=True)
    ]


def packed(cells: list[Any], datatype: str) -> bytes:
    if datatype == "BYTES":
        return b"".join(len(text).to_bytes(4, "little") + text for text in (cell.encode() for cell in cells))
    return np.array(cells, dtype={"FP64": "<f8", "BOOL": "?"}[datatype]).tobytes()


def binary(table: Table) -> Asked:
    """Put tensors after the JSON, but for those with a missing text, which only JSON can say."""
    pieces, inputs = [], tensors(table)
    for tensor in inputs:
        flat = [cell for row in tensor["data"] for cell in row] if table.numeric else tensor["data"]
        if tensor["datatype"] == "FP64" or None not in flat:
            pieces.append(packed(flat, tensor["datatype"]))
            tensor["parameters"] = {"binary_data_size": len(pieces[-1])}
            del tensor["data"]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    return Asked(V2, b"".join([head, *pieces]), {LENGTH: str(len(head))})


def raw(table: Table) -> Asked:
    cells = [cell for row in table.rows for cell in row]
    return Asked(V2, packed(cells, "FP64" if table.numeric else "BYTES"), {LENGTH: "0"})


def read_v2(body: bytes, headers: Any) -> tuple[list[Any], Any]:
    size = int(headers.get(LENGTH, len(body)))
    document, rest = json.loads(body[:size]), body[size:]
    found = {}
    for output in document["outputs"]:
        if "data" in output:
            values = output["data"]
        else:
            take = output["parameters"]["binary_data_size"]
            values, rest = unpacked(rest[:take], output["datatype"]), rest[take:]
        found[output["name"]] = np.array(values, dtype=object).reshape(output["shape"]).tolist()
    assert rest == b""
    labels = found.pop("predict")
    return labels, by_row(list(found.values()))


def unpacked(content: bytes, datatype: str) -> list[Any]:
    if datatype != "BYTES":
        return np.frombuffer(content, {"FP64": "<f8", "INT64": "<i8", "UINT64": "<u8", "BOOL": "?"}[datatype]).tolist()
    texts = []
    while content:
        size = int.from_bytes(content[:4], "little")
        texts.append(content[4 : 4 + size].decode())
        content = content[4 + size :]
    return texts


def by_row(several: list[Any]) -> Any:
    """Return the probabilities by row, as the native protocol has them."""
    if len(several) > 1:
        return [list(row) for row in zip(*several, strict=True)]
    return several[0] if several else None


# --- formats of the native route -------------------------------------------------------------------------------------
def as_npy(table: Table) -> Asked:
    """Write a matrix where all are numbers, else a structured array."""
    stream = io.BytesIO()
    if table.numeric:
        array = np.array(table.rows, dtype=np.float64)
    else:
        kinds = {"float64": "f8", "bool": "?"}
        columns = [
            np.array(column, kinds.get(kind)) for column, kind in zip(table.columns.values(), table.kinds, strict=True)
        ]
        fields = [(name, column.dtype) for name, column in zip(table.names, columns, strict=True)]
        array = np.array(list(zip(*(column.tolist() for column in columns), strict=True)), dtype=fields)
    np.save(stream, array, allow_pickle=False)
    return Asked("/predict", stream.getvalue(), {"Content-Type": NPY, "Accept": NPY})


def read_npy(body: bytes, headers: Any) -> tuple[list[Any], Any]:
    array = np.load(io.BytesIO(body), allow_pickle=False)
    names = [name for name in array.dtype.names if name != "predictions"]
    return array["predictions"].tolist(), by_row([array[name].tolist() for name in names])


def as_arrow(table: Table) -> Asked:
    stream = io.BytesIO()
    kinds = {"float64": pa.float64(), "bool": pa.bool_(), "string": pa.string(), "datetime": pa.string(), "any": None}
    arrays = [pa.array(column, kinds[kind]) for column, kind in zip(table.columns.values(), table.kinds, strict=True)]
    found = pa.table(arrays, names=table.names)
    with pa.ipc.new_stream(stream, found.schema) as writer:
        writer.write_table(found, max_chunksize=5)
    return Asked("/predict", stream.getvalue(), {"Content-Type": ARROW, "Accept": ARROW})


def read_arrow(body: bytes, headers: Any) -> tuple[list[Any], Any]:
    with pa.ipc.open_stream(body) as stream:
        columns = stream.read_all().to_pydict()
    return flat(columns)


def csv_text(table: Table, *, head: bool = True) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerows([*([table.names] if head else []), *table.rows])
    return out.getvalue().encode()


def as_csv(table: Table) -> Asked:
    return Asked("/predict", csv_text(table), {"Content-Type": CSV, "Accept": CSV})


def read_csv(body: bytes, headers: Any) -> tuple[list[Any], Any]:
    head, *rows = csv.reader(io.StringIO(body.decode()))
    return flat(dict(zip(head, zip(*(map(literal, row) for row in rows), strict=True), strict=True)))


def literal(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def flat(columns: dict[str, Any]) -> tuple[list[Any], Any]:
    """Gather `prediction` and `probability_CLASS` again, with the output's number before for several outputs."""
    labels = [list(values) for name, values in columns.items() if name.startswith("prediction")]
    groups: dict[str, list[Any]] = {}
    for name, values in columns.items():
        if name.startswith("probability"):
            groups.setdefault(name.rpartition("_")[0], []).append(values)
    several = [[list(row) for row in zip(*values, strict=True)] for values in groups.values()]
    return labels[0] if len(labels) == 1 else [list(row) for row in zip(*labels, strict=True)], by_row(several)


# --- the other JSON protocols ----------------------------------------------------------------------------------------
def member(name: str) -> Callable[[bytes, Any], tuple[list[Any], Any]]:
    return lambda body, headers: (json.loads(body)[name], None)


def split(table: Table) -> dict[str, Any]:
    names, rows = table.names[::-1], [row[::-1] for row in table.rows]
    return {"columns": names, "index": list(range(len(rows))), "data": rows}


def whole(table: Table) -> bool:
    return table.whole
