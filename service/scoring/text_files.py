"""Reads and scores CSV and JSON Lines: one process cuts and writes, the others parse, predict and format."""

import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Final, cast

from service.scoring.arrow_files import zstd_compressor, zstd_reader
from service.scoring.batches import Scored
from service.scoring.blocks import MOST_RECORD, Cutter, Ends, line_ends, record_ends
from service.scoring.columns import check_added
from service.scoring.csv_rows import CsvRows
from service.scoring.job import CSV, STANDARD, Job, compression_of
from service.scoring.json_lines import JsonLines
from service.scoring.scorer import Scorer
from service.scoring.stopped import Stopped

_LEVEL: Final = 6  # of gzip
_PIECE: Final = 2**20  # bytes


@dataclass(frozen=True)
class TextFile:
    """An open input, whose first record was read; `head` is what the output begins with."""

    head: bytes
    consumed: Callable[[], int]  # bytes of the file, which may be compressed
    start: int  # bytes of the header line
    line: int  # of the first row
    rows: CsvRows | JsonLines
    cutter: Cutter
    compress: Callable[[bytes], bytes]

    def score(self, content: bytes, line: int) -> Scored:
        """Score one block, in another process."""
        scored = self.rows.score(content, line)
        return replace(scored, content=self.compress(scored.content))


@contextmanager
def open_text(job: Job, scorer: Scorer, offset: int) -> Iterator[TextFile]:
    """Open the input at this offset, where 0 means after the header line; raises Stopped."""
    ends = record_ends if job.source_format == CSV else line_ends
    with _opened(job.source) as (file, consumed):
        first = _first_record(file, ends)
        if not first.strip():
            found = "begins with a blank line; expected a header line or a row" if first else "is empty"
            raise Stopped("bad_input", f"{job.source} {found}.")
        head, headed, rows = b"", False, _rows(job, scorer, first)
        if isinstance(rows, CsvRows):
            head, headed = rows.head(first), rows.headed
        if offset:
            _go_to(offset, file, len(first))
        start, line = (len(first), 1 + first.count(b"\n")) if headed else (0, 1)
        compress = compressor(compression_of(job.target))
        cutter = Cutter(file.read, ends, scorer.most_rows, held=b"" if headed or offset else first)
        yield TextFile(compress(head), consumed, start, line, rows, cutter, compress)


def _rows(job: Job, scorer: Scorer, first: bytes) -> CsvRows | JsonLines:
    if job.source_format == CSV:
        return CsvRows.of(first, scorer, job.kept, job.header)
    check_added(job.kept.names, scorer.names)
    return JsonLines(scorer, job.kept)


def compressor(kind: str | None) -> Callable[[bytes], bytes]:
    """Return a function that compresses a part of a file; concatenated parts are a valid file. Raises Stopped."""
    if kind is None:
        return bytes
    if kind == "gzip":
        return lambda content: gzip.compress(content, _LEVEL, mtime=0) if content else b""
    return zstd_compressor()


@contextmanager
def _opened(path: str) -> Iterator[tuple[IO[bytes], Callable[[], int]]]:
    """Yield a file object that decompresses a file, and a function that says how many bytes of the file were read."""
    if path == STANDARD:
        yield sys.stdin.buffer, lambda: 0
        return
    kind = compression_of(path)
    with Path(path).open("rb") as file:
        if kind == "zstd":
            yield zstd_reader(file), file.tell
        elif kind == "gzip":
            try:
                with gzip.open(file) as unpacked:
                    yield cast(IO[bytes], unpacked), file.tell
            except (gzip.BadGzipFile, EOFError) as error:
                raise Stopped("bad_input", f"{path}: {error}.") from None
        else:
            yield file, file.tell


def _first_record(file: IO[bytes], ends: Ends) -> bytes:
    first = b""
    while line := file.readline(MOST_RECORD):
        first += line
        if len(first) >= MOST_RECORD:
            raise Stopped("bad_input", f"the first line does not end within {MOST_RECORD // 2**20} MiB.")
        if line.endswith(b"\n") and len(ends(first)):
            break
    return first


def _go_to(offset: int, file: IO[bytes], read: int) -> None:
    """Go to an offset of a file of which `read` bytes were read; a file that cannot seek is read up to there."""
    if file.seekable():
        file.seek(offset)
        return
    while read < offset and (content := file.read(min(_PIECE, offset - read))):
        read += len(content)
