"""Batches of rows as Ray and Spark hand them over: as requests to the process that scores, and with its answers.

pyarrow, pandas and NumPy are imported where there is a batch of theirs.
"""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from mlservice.errors import Error
from mlservice.rows import as_cells
from mlservice.scoring_process import ARROW, CELLS, Bad

Added = Sequence[tuple[str, str]]  # names and types of the columns of predictions
Request = tuple[int, int, bytes, bytes]  # the first row, how many they are, and kind and content of the request
REASONS: Final = (("code", "string"), ("reason", "string"))
_TAKEN: Final = ("integer", "floating", "boolean", "string", "large_string", "date", "timestamp")  # types of pyarrow
# Types of pandas that have missing values.
_NULLABLE: Final = {"int64": "Int64", "uint64": "UInt64", "bool": "boolean"}


@dataclass(frozen=True)
class Batch:
    """A batch: the names of its columns, how many rows it has, one of its columns, and its columns beside others.

    `beside` takes names, a pyarrow Table of what is added, and whether this may lack values in other batches.
    """

    names: list[str]
    rows: int
    column: Callable[[str], Any]
    beside: Callable[[Sequence[str], Any, bool], Any]

    def cell(self, name: str, row: int) -> Any:
        """Return one cell as JSON has it."""
        return as_cells(_rows(self.column(name), row, 1))[0]

    def requests(self, names: Sequence[str], most_rows: int) -> Iterator[Request]:
        """Yield requests with the columns that the model takes, each of so many rows at most.

        They are Arrow, unless a column has cells of several types.
        """
        chosen = [name for name in self.names if name in set(names)]
        arrays = self._arrays(chosen)
        for start in range(0, self.rows, most_rows):
            rows = min(most_rows, self.rows - start)
            if arrays is None:
                found = {name: as_cells(_rows(self.column(name), start, rows)) for name in chosen}
                cells = {name: list(map(_finite, column)) for name, column in found.items()}
                yield start, rows, CELLS, json.dumps(cells).encode()
            else:
                yield start, rows, ARROW, _stream(chosen, [each.slice(start, rows) for each in arrays])

    def _arrays(self, names: Sequence[str]) -> list[Any] | None:
        import pyarrow as pa  # noqa: PLC0415  # see above

        try:
            return [_array(name, self.column(name)) for name in names]
        except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
            return None


def of(batch: Any) -> Batch:
    """Return a batch of NumPy, pandas or pyarrow; raises TypeError for anything else."""
    if isinstance(batch, Mapping):
        rows = len(next(iter(batch.values()), ()))
        return Batch(list(batch), rows, batch.__getitem__, partial(_beside_arrays, batch))
    if hasattr(batch, "iloc"):
        names = list(map(str, batch.columns))
        column = partial(_series, batch, names)
        return Batch(names, len(batch), column, partial(_beside_series, batch, names))
    if hasattr(batch, "num_rows"):
        return Batch(list(batch.schema.names), batch.num_rows, batch.column, partial(_beside_columns, batch))
    raise TypeError(
        f"expected a dict of NumPy arrays, a pandas DataFrame, or a pyarrow Table or RecordBatch, got {type(batch)}"
    )


def predictions(answer: bytes, rows: int, bad: Bad, added: Added, *, keeps_bad: bool) -> Any:
    """Return a Table of an answer, with a row for each one that was asked for."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    found = pa.ipc.open_stream(answer).read_all() if answer else schema_of(added).empty_table()
    if not keeps_bad:
        return found
    reasons = {row: (code, reason) for row, code, reason in bad}
    places = iter(range(rows))
    if bad:
        found = found.take(pa.array([None if row in reasons else next(places) for row in range(rows)], pa.int64()))
    columns = zip(*(reasons.get(row, (None, None)) for row in range(rows)), strict=True)
    for (name, _), column in zip(REASONS, columns, strict=True):
        found = found.append_column(name, pa.array(column, pa.string()))
    return found


def joined(parts: Sequence[Any], added: Added, *, keeps_bad: bool) -> Any:
    """Return one Table of all parts, of which there may be none."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    schema = schema_of([*added, *(REASONS if keeps_bad else ())])
    return pa.concat_tables([part.cast(schema) for part in parts]) if parts else schema.empty_table()


def schema_of(added: Added) -> Any:
    """Return the pyarrow schema of columns of predictions."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    return pa.schema([(name, getattr(pa, {"bool": "bool_"}.get(dtype, dtype))()) for name, dtype in added])


def _beside_arrays(batch: Mapping[str, Any], kept: Sequence[str], added: Any, may_lack: bool) -> Any:  # noqa: FBT001
    import numpy as np  # noqa: PLC0415  # see above

    def array(name: str) -> Any:
        column = added.column(name)
        if may_lack and str(column.type) in _NULLABLE:
            return np.array(column.to_pylist(), dtype=object)
        return column.to_numpy()

    return {**{name: batch[name] for name in kept}, **{name: array(name) for name in added.column_names}}


def _series(batch: Any, names: Sequence[str], name: str) -> Any:
    return batch.iloc[:, names.index(name)]


def _beside_series(batch: Any, names: Sequence[str], kept: Sequence[str], added: Any, may_lack: bool) -> Any:  # noqa: FBT001
    import pandas as pd  # noqa: PLC0415  # see above

    def dtype_of(arrow_type: Any) -> Any:
        name = _NULLABLE.get(str(arrow_type)) if may_lack else None
        return name and pd.api.types.pandas_dtype(name)

    found = added.to_pandas(types_mapper=dtype_of).set_axis(batch.index)
    return pd.concat([batch.iloc[:, [names.index(name) for name in kept]], found], axis=1)


def _beside_columns(batch: Any, kept: Sequence[str], added: Any, _may_lack: bool) -> Any:  # noqa: FBT001
    import pyarrow as pa  # noqa: PLC0415  # see above

    fields = [batch.schema.field(name) for name in kept]
    schema = pa.schema([*fields, *added.schema], metadata=batch.schema.metadata)
    columns = [*(batch.column(name) for name in kept), *added.columns]
    if isinstance(batch, pa.Table):
        return pa.Table.from_arrays(columns, schema=schema)
    whole = [each.combine_chunks() if isinstance(each, pa.ChunkedArray) else each for each in columns]
    return pa.RecordBatch.from_arrays(whole, schema=schema)


def _rows(column: Any, start: int, rows: int) -> Any:
    """Return some cells of a column."""
    return getattr(column, "iloc", column)[start : start + rows]


def _array(name: str, column: Any) -> Any:
    """Return a column as one array: strings as such and not as references, decimals as floating-point numbers.

    Raises Error for a type that no model takes, and ArrowInvalid and its like for cells of several types.
    """
    import pyarrow as pa  # noqa: PLC0415  # see above

    known = isinstance(column, (pa.Array, pa.ChunkedArray))
    array = column if known else pa.array(column, from_pandas=True)
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if pa.types.is_decimal(array.type):
        array = array.cast(pa.float64())
    elif pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())
    elif pa.types.is_null(array.type):  # all are missing
        array = array.cast(pa.string())
    if not any(getattr(pa.types, f"is_{kind}")(array.type) for kind in _TAKEN):
        raise Error(
            "bad_columns",
            f"column {name!r} is of type {array.type}; the model takes numbers, booleans, strings, dates and times.",
        )
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _stream(names: Sequence[str], arrays: Sequence[Any]) -> Any:
    import pyarrow as pa  # noqa: PLC0415  # see above

    batch = pa.RecordBatch.from_arrays(arrays, names=list(names))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    return sink.getvalue()


def _finite(cell: Any) -> Any:
    """Return a cell that JSON has; an infinity is no number there, and is refused as a string is."""
    return cell if not isinstance(cell, float) or math.isfinite(cell) else str(cell)


def signed(added: Any) -> Any:
    """Return columns of predictions for Spark, which has no unsigned numbers: they are decimals there."""
    import pyarrow as pa  # noqa: PLC0415  # see above

    decimal = pa.decimal128(20, 0)
    fields = [field.with_type(decimal) if field.type == pa.uint64() else field for field in added.schema]
    return added.cast(pa.schema(fields))
