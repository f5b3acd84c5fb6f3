"""What Schemathesis is told of the service beyond its document: bodies that are not JSON, and what no schema can say.

ROWS names a file with the names of a model's features and some rows (tests/system/openapi/bundles.py); other names in
capitals are the server's settings.
"""

import csv
import io
import json
import os
import re
from base64 import b64encode
from pathlib import Path

import numpy as np
import pyarrow as pa
import schemathesis
from hypothesis import strategies as st

KNOWN = json.loads(Path(os.environ["ROWS"]).read_text())
NAMES, ROWS = KNOWN["names"], KNOWN["rows"]
# Refusals that depend on what the model computes: the cells are as they should be, and a schema can say no more.
ROW_ID, TERSE = os.environ.get("ROW_ID"), os.environ.get("TERSE_ERRORS") == "1"
FREE = "IGNORE_EXTRA_COLUMNS" in os.environ and "MISSING_COLUMNS" in os.environ
OF_THE_MODEL = ("no_finite_answer", "value_refused", "unknown_category")
SPLIT = "dataframe_split"
# The members that row ids may stand beside.
ROWS_OF = ("features", "instances", "inputs", "dataframe_records", SPLIT, "input_data", "data")
LONG = "600000"  # seconds, or milliseconds: a caller who allows no time gets 504, whatever the rest of the request is
NUMBER = re.compile(r"[0-9]{1,9}([.][0-9]{1,9})?")
WORDS = {None: "", True: "true", False: "false"}


def cells_of(rows):
    """Return each column by its name."""
    return dict(zip(NAMES, map(list, zip(*rows, strict=True)), strict=True))


def as_csv(rows):
    """Write CSV with a header line."""
    text = io.StringIO()
    lines = [NAMES, *([WORDS[cell] if cell in (None, True, False) else cell for cell in row] for row in rows)]
    csv.writer(text).writerows(lines)
    return text.getvalue()


def as_lines(rows):
    """Write JSON Lines."""
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def as_npy(rows):
    """Write a matrix of numbers, or a structured array; one of objects would be a pickle."""
    numbers = all(type(cell) in (float, int) for row in rows for cell in row)
    kinds = np.float64 if numbers else [(name, np.array(cells).dtype) for name, cells in cells_of(rows).items()]
    file = io.BytesIO()
    np.save(file, np.array([row if numbers else tuple(row) for row in rows], dtype=kinds), allow_pickle=False)
    return file.getvalue()


def as_arrow(rows, open_writer):
    """Write a stream, or a file; a column has its type even where all cells are missing."""
    table, file = pa.table(cells_of(rows), schema=pa.table(cells_of(ROWS)).schema), io.BytesIO()
    with open_writer(file, table.schema) as writer:
        writer.write_table(table)
    return file.getvalue()


TEXTS = {"text/csv": as_csv, "application/jsonlines": as_lines, "application/x-jsonlines": as_lines}
SOME = st.lists(st.sampled_from(ROWS), min_size=1, max_size=5)
WHOLE = st.sampled_from([row for row in ROWS if None not in row])  # npy has no null
COMPLETE = st.lists(WHOLE, min_size=1, max_size=5)
ARROW = "application/vnd.apache.arrow"
schemathesis.openapi.media_type("application/x-npy", COMPLETE.map(as_npy))
schemathesis.openapi.media_type(f"{ARROW}.stream", SOME.map(lambda rows: as_arrow(rows, pa.ipc.new_stream)))
schemathesis.openapi.media_type(f"{ARROW}.file", SOME.map(lambda rows: as_arrow(rows, pa.ipc.new_file)))


@schemathesis.serializer(*TEXTS)
def text(_context, value):
    """Send a string as it is."""
    return value.encode()


@schemathesis.deserializer("application/x-npy")
def from_npy(_context, response):
    """Read an answer, which has to be an array."""
    return np.load(io.BytesIO(response.content), allow_pickle=False).tolist()


@schemathesis.deserializer(f"{ARROW}.stream")
def from_arrow(_context, response):
    """Read an answer, which has to be a table."""
    return pa.ipc.open_stream(response.content).read_all().to_pydict()


@schemathesis.hook
def filter_case(_context, case):
    """Leave out values that are no strings, or no bytes, where the body has to be: sent, they would be others."""
    wanted = str if case.media_type in TEXTS else bytes if case.media_type == "application/octet-stream" else object
    return isinstance(case.body, wanted)


@schemathesis.hook
def map_case(_context, case):
    """Make valid what would be so by chance only: texts are rows of the model, and lists have the lengths they need."""
    if case.media_type in TEXTS and case.meta.phase.name != "examples":
        case.body = TEXTS[case.media_type](ROWS[: 1 + len(case.body) % len(ROWS)])
    for name in case.headers:
        if "timeout" in name.lower() and NUMBER.fullmatch(case.headers[name]):
            case.headers[name] = LONG
    if case.meta.generation.mode.is_positive and isinstance(case.body, dict | list):
        body = evened(case.body)
        case.body = with_ids(body) if ROW_ID and ROW_ID in body else body
    return case


def evened(value):
    """Give columns by name the same length, and the index of a frame that of its rows."""
    if isinstance(value, list):
        return [evened(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {name: evened(each) for name, each in value.items()}
    if not set(NAMES).isdisjoint(found) and all(isinstance(each, list) for each in found.values()):
        shortest = min(map(len, found.values()))
        found = {name: each[:shortest] for name, each in found.items()}
    if isinstance(found.get("data"), list) and isinstance(found.get("index"), list):
        found["index"] = list(range(len(found["data"])))
    return found


def with_ids(body):
    """Give a request as many ids as it has rows, beside the rows only."""
    member = next(name for name in ROWS_OF if name in body)
    rows, ids = body[member], body[ROW_ID]
    if not isinstance(ids, list):
        return {**body, member: without_id(rows)}
    counted = rows["data"] if member == SPLIT else next(iter(rows.values())) if isinstance(rows, dict) else rows
    return {**body, member: without_id(rows), ROW_ID: [ids[place % len(ids)] for place in range(len(counted))]}


def without_id(row):
    """Return rows, or one, which may be wrapped, or columns, without ids of their own."""
    if isinstance(row, list):
        return list(map(without_id, row))
    return {name: without_id(row[name]) for name in row if name != ROW_ID} if isinstance(row, dict) else row


@schemathesis.hook
def filter_failure(_context, failure, case, response):
    """Accept that a valid request is refused for what the model computes; each protocol says the code in its own shape.

    With TERSE_ERRORS the document does not say what the model takes, and so not which rows are valid. Where columns may
    be others, and what is missing has a value, a frame may have any names; the document has the model's.
    """
    if type(failure).__name__ == "AcceptedNegativeData":
        return not (FREE and isinstance(case.body, dict) and '"columns"' in json.dumps(case.body))
    refused = type(failure).__name__ == "RejectedPositiveData"
    return not (refused and (TERSE or any(code in response.text for code in OF_THE_MODEL)))


DATATYPES = {bool: "BOOL", float: "FP64", int: "FP64", str: "BYTES"}
LENGTH = "Inference-Header-Content-Length"


def tensors_of(rows, *, base64=False):
    """Return rows as a tensor for each feature, with strings as they are or in base64."""
    kinds = {name: next(type(cell) for cell in cells if cell is not None) for name, cells in cells_of(ROWS).items()}
    return [
        {
            "name": name,
            "shape": [len(rows)],
            "datatype": DATATYPES[kinds[name]],
            "data": list(map(as_base64, cells)) if base64 else cells,
        }
        for name, cells in cells_of(rows).items()
    ]


def as_base64(cell):
    """Return a string in base64, and any other cell as it is."""
    return b64encode(cell.encode()).decode() if isinstance(cell, str) else cell


@schemathesis.deserializer("application/octet-stream")
def from_octets(_context, response):
    """Return an answer of the Open Inference Protocol as it is, once the JSON before its binary tensors was read."""
    json.loads(response.content[: int(response.headers[LENGTH.lower()][0])])
    return response.content.decode("latin-1")


schemathesis.openapi.media_type(
    "application/octet-stream", SOME.map(lambda rows: json.dumps({"inputs": tensors_of(rows)}).encode())
)


@schemathesis.hook("map_case")
def infer_rows(_context, case):
    """Make valid what would be so by chance only: tensors are rows of the model, and each output is named once."""
    if case.operation.path.endswith("/infer") and case.meta.generation.mode.is_positive:
        case.headers.pop(LENGTH, None)
        if isinstance(case.body, dict) and case.meta.phase.name != "examples":
            outputs = {each["name"]: each for each in case.body.get("outputs") or []}
            rows = ROWS[: 1 + len(case.body["inputs"]) % len(ROWS)]
            base64 = (case.body.get("parameters") or {}).get("content_type") == "base64"
            ids = [{"name": ROW_ID, "shape": [len(rows)], "datatype": "INT64", "data": list(range(len(rows)))}]
            inputs = tensors_of(rows, base64=base64) + (ids if ROW_ID else [])
            case.body = {**case.body, "inputs": inputs, "outputs": list(outputs.values())}
    return case
