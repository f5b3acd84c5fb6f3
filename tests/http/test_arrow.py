"""Columns as pyarrow writes them: whatever their type and encoding, they are the rows that JSON says."""

import io
from datetime import date

import pyarrow as pa
import pytest

from tests.amplification import STREAM
from tests.http.conftest import Server

ROWS = [[1.0, "x", True, "2021-06-05"], [2.0, None, False, None], [1.0, "a text that is long", True, "2021-06-05"]]
A, S, B, D = (list(column) for column in zip(*ROWS, strict=True))
DAYS = [text and date.fromisoformat(text) for text in D]
PLAIN = {"a": pa.array(A), "s": pa.array(S), "b": pa.array(B), "d": pa.array(DAYS)}


def coded(values, places="int32"):
    """Return a dictionary-encoded array whose missing values are missing indices."""
    return pa.array(values).dictionary_encode().cast(pa.dictionary(places, pa.array(values).type))


def missing_in_dictionary(values):
    """Return a dictionary-encoded array whose missing values are in the dictionary."""
    known = list(dict.fromkeys(values))
    return pa.DictionaryArray.from_arrays(pa.array([known.index(value) for value in values]), pa.array(known))


COLUMNS = {
    "plain": {},
    "small numbers": {"a": pa.array(A, pa.int8())},
    "half a float": {"a": pa.array([1, 2, 1], pa.float16())},
    "dictionary of numbers": {"a": coded(A, "uint8")},
    "dictionary of texts": {"s": coded(S)},
    "dictionary by large places": {"s": coded(S, "uint64")},
    "dictionary with a missing text": {"s": missing_in_dictionary(S)},
    "large texts": {"s": pa.array(S, pa.large_string())},
    "views": {"s": pa.array(S, pa.string_view())},
    "dictionary of booleans": {"b": coded(B)},
    "milliseconds": {"d": pa.array(DAYS, pa.date64())},
    **{f"timestamps, {unit}": {"d": pa.array(DAYS).cast(pa.timestamp(unit))} for unit in ("s", "ms", "us", "ns")},
    "dictionary of dates": {"d": coded(DAYS)},
    "dictionary with a missing date": {"d": missing_in_dictionary(DAYS)},
}


@pytest.fixture(scope="module")
def mixed(victim_bundles):
    return Server(victim_bundles["mixed"])


def written(*tables, **options):
    stream = io.BytesIO()
    with pa.ipc.new_stream(stream, tables[0].schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        for table in tables:
            writer.write_table(table)
    return stream.getvalue()


def inputs(server, body):
    answer = server.client.post("/predict", data=body, content_type=STREAM)
    assert 200 == answer.status_code, answer.data
    return answer.json, server.logged()[-1]["inputs"]


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("rows", [slice(None), slice(0, 1)], ids=["some missing", "one row"])
def test_a_column_of_any_type_is_read_as_its_json(mixed, name, rows):
    """Its rows have the same answers, and are the same in the log."""
    expected = mixed.predict({"instances": ROWS[rows]}).json, mixed.logged()[-1]["inputs"]
    table = pa.table({**PLAIN, **COLUMNS[name]})[rows]

    assert expected == inputs(mixed, written(table))


@pytest.mark.parametrize("deltas", [False, True], ids=["replaced", "grown"])
@pytest.mark.parametrize("column", ["a", "s", "d"])
def test_a_dictionary_may_change_between_batches(mixed, column, deltas):
    """A later dictionary replaces the one before, or is appended to it."""
    one, two = PLAIN[column].slice(0, 1), PLAIN[column].slice(0, 3)
    known = two.drop_null().unique()
    places = [pa.array([0], pa.int8()), pa.array([0, None, 1 if column == "s" else 0], pa.int8())]
    if column == "a":
        places[1] = pa.array([0, 1, 0], pa.int8())
    tables = [
        pa.table(
            {
                **{name: values.slice(0, len(part)) for name, values in PLAIN.items()},
                column: pa.DictionaryArray.from_arrays(place, part_known),
            }
        )
        for part, place, part_known in zip((one, two), places, (known.slice(0, 1), known), strict=True)
    ]
    expected = mixed.predict({"instances": ROWS[:1] + ROWS}).json, mixed.logged()[-1]["inputs"]

    assert expected == inputs(mixed, written(*tables, emit_dictionary_deltas=deltas))
