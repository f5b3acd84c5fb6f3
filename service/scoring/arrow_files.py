"""Reads and writes Parquet and Arrow files with pyarrow, which no image has: it is imported only when it is used."""

import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from model.outputs import OutputSpec
from service.formats import csv_text
from service.scoring.batches import Scored, bad_rows_of
from service.scoring.job import ARROW, ARROW_STREAM, PARQUET, STANDARD, Job
from service.scoring.outputs import open_output
from service.scoring.scorer import Scorer
from service.scoring.stopped import Stopped

_MAGIC: Final = b"ARROW1"
_BYTES: Final = 4 * 2**20  # of a batch
_BUFFER: Final = 2**20  # bytes that are read of a column at once: column chunks can be large
_GROUP_ROWS, _GROUP_BYTES = 128 * 1024, 32 * 2**20  # of a row group that is written


@dataclass(frozen=True)
class ArrowInput:
    """An open file: its schema, its batches, one at a time, its rows if known, and the compression of Parquet."""

    schema: Any
    batches: Iterator[Any]
    rows: int | None = None
    compression: str = "SNAPPY"


@contextmanager
def open_arrow(path: str, kind: str, most_rows: int) -> Iterator[ArrowInput]:
    """Open a Parquet or Arrow file, or a stream, to read batches of at most so many rows; raises Stopped."""
    pyarrow = _pyarrow()
    try:
        if kind == PARQUET:
            yield _parquet(path, most_rows)
        elif path == STANDARD:
            reader = pyarrow.ipc.open_stream(sys.stdin.buffer)
            yield ArrowInput(reader.schema, _pieces(reader, most_rows))
        else:
            with Path(path).open("rb") as file:
                whole = file.read(len(_MAGIC)) == _MAGIC
            with pyarrow.OSFile(path) as source:
                reader = pyarrow.ipc.open_file(source) if whole else pyarrow.ipc.open_stream(source)
                batches = map(reader.get_batch, range(reader.num_record_batches)) if whole else reader
                yield ArrowInput(reader.schema, _pieces(batches, most_rows))
    except pyarrow.ArrowInvalid as error:
        raise Stopped("bad_input", f"{path} is not {kind}: {' '.join(str(error).split())[:300]}") from None


def _parquet(path: str, most_rows: int) -> ArrowInput:
    from pyarrow import parquet  # noqa: PLC0415  # see above

    if path == STANDARD:
        raise Stopped("bad_input", "Parquet cannot be read from stdin, as it is read from its end; name a file.")
    file = parquet.ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False)
    metadata = file.metadata
    codec = (
        metadata.row_group(0).column(0).compression if metadata.num_row_groups and metadata.num_columns else "SNAPPY"
    )
    batches = _pieces(file.iter_batches(batch_size=most_rows, use_threads=False), most_rows)
    return ArrowInput(file.schema_arrow, batches, metadata.num_rows, codec)


def _pieces(batches: Iterator[Any], rows: int) -> Iterator[Any]:
    """Yield the batches in pieces of at most so many rows, and about so many bytes."""
    for batch in batches:
        step = max(1, min(rows, batch.num_rows * _BYTES // max(batch.nbytes, 1)))
        for start in range(0, batch.num_rows, step):
            yield batch.slice(start, step)


def as_requests(batches: Iterator[Any], names: Sequence[str], line: int) -> Iterator[tuple[Any, bytes, int]]:
    """Yield each batch, its columns as the body of a request, and the number of its first row.

    The body is an Arrow stream of plain columns, without dictionaries and string views.
    """
    pyarrow = _pyarrow()
    for batch in batches:
        columns = [_plain(batch.column(name)) for name in names]
        plain = pyarrow.RecordBatch.from_arrays(columns, names=list(names))
        sink = pyarrow.BufferOutputStream()
        with pyarrow.ipc.new_stream(sink, plain.schema) as writer:
            writer.write_batch(plain)
        yield batch, sink.getvalue().to_pybytes(), line
        line += batch.num_rows


def _plain(column: Any) -> Any:
    pyarrow = _pyarrow()
    if pyarrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pyarrow.large_string()) if pyarrow.types.is_string_view(column.type) else column


class TableOutput:
    """A file of columns, those of the input and the predictions, which is always written from its beginning.

    The same batches always make the same bytes.
    """

    def __init__(self, job: Job, source: ArrowInput, scorer: Scorer) -> None:
        """Open the output; raises Stopped."""
        self._pyarrow, self._kind = _pyarrow(), job.target_format
        self._kept = list(source.schema.names) if job.kept.every else list(job.kept.names)
        self._schema = self._schema_of(source, scorer.outputs, every=job.kept.every)
        self._end = open_output(job.target)
        self._end.cut(0)
        self._file = open(self._end.descriptor, "wb", closefd=False)  # noqa: SIM115  # a descriptor has no path
        self._held: list[Any] = []  # batches of the row group that comes next
        self.rows = 0  # that were read so far
        if self._kind == PARQUET:
            from pyarrow import parquet  # noqa: PLC0415  # see above

            codec = source.compression.replace("UNCOMPRESSED", "NONE")
            self._writer = parquet.ParquetWriter(self._file, self._schema, compression=codec)
        else:
            new = {ARROW: self._pyarrow.ipc.new_file, ARROW_STREAM: self._pyarrow.ipc.new_stream}[self._kind]
            self._writer = new(self._file, self._schema)

    def add(self, batch: Any, scored: Scored) -> bytes:
        """Write a batch; return the rows that were refused as lines, with all of their columns."""
        first, self.rows = self.rows + 1, self.rows + batch.num_rows
        bad = bad_rows_of(scored.bad)
        if scored.rows:
            chosen = batch.select(self._kept)
            if bad:
                refused = {each.line - first for each in bad}
                good = [at for at in range(batch.num_rows) if at not in refused]
                chosen = chosen.take(self._pyarrow.array(good, self._pyarrow.int64()))
            answer = self._pyarrow.ipc.open_stream(scored.content).read_all()  # of one batch
            added = [column.combine_chunks() for column in answer.columns]
            self._write(self._pyarrow.RecordBatch.from_arrays([*chosen.columns, *added], schema=self._schema))
        rows = [batch.slice(each.line - first, 1).to_pylist()[0] for each in bad]
        return csv_text.lines(
            each._replace(row=json.dumps(row, default=str)) for each, row in zip(bad, rows, strict=True)
        )

    def finish(self) -> None:
        """Write what is held and the end of the file, and give it its name."""
        if self._held:
            self._write_group()
        self._writer.close()
        self._file.close()
        self._end.finish()

    def abandon(self) -> None:
        """Close the unfinished output, and remove it: the next run writes it again from its beginning."""
        for each in (self._writer, self._file):
            with suppress(OSError):
                each.close()
        self._end.remove()

    def _schema_of(self, source: ArrowInput, specs: Sequence[OutputSpec], *, every: bool) -> Any:
        """Return the schema: the kept columns of the input, and those of the predictions."""
        pyarrow = self._pyarrow
        types = {"bool": pyarrow.bool_(), "string": pyarrow.string()}
        added = [
            pyarrow.field(name, types.get(spec.dtype) or getattr(pyarrow, spec.dtype)())
            for spec in specs
            for name in spec.columns
        ]
        fields = [source.schema.field(name) for name in self._kept]
        return pyarrow.schema([*fields, *added], metadata=source.schema.metadata if every else None)

    def _write(self, made: Any) -> None:
        if self._kind != PARQUET:
            self._writer.write_batch(made)
            return
        self._held.append(made)
        rows, size = sum(each.num_rows for each in self._held), sum(each.nbytes for each in self._held)
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            self._write_group()

    def _write_group(self) -> None:
        table = self._pyarrow.Table.from_batches(self._held, self._schema)
        self._held = []
        self._writer.write_table(table, row_group_size=table.num_rows)


def zstd_reader(file: IO[bytes]) -> IO[bytes]:
    """Return a file object that decompresses a file."""
    return io.BufferedReader(_pyarrow().CompressedInputStream(file, "zstd"))


def zstd_compressor() -> Callable[[bytes], bytes]:
    """Return a function that compresses a part of a file."""
    codec = _pyarrow().Codec("zstd")
    return lambda content: codec.compress(content, asbytes=True) if content else b""


def _pyarrow() -> Any:
    try:
        import pyarrow  # noqa: PLC0415  # see above
        import pyarrow.ipc  # noqa: PLC0415
    except ModuleNotFoundError:
        message = (
            "Parquet, Arrow and zstd need pyarrow, which is not installed; run "
            f"`{sys.executable} -m pip install pyarrow`, or use CSV or JSON Lines, which need nothing."
        )
        raise Stopped("bad_input", message) from None
    return pyarrow
