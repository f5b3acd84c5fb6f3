"""Scores blocks of CSV. The model's columns may be in any order, and beside other columns, which are passed on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise, repeat
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.prediction import Prediction, Rows
from service.errors import InvalidRows, Problem, ServiceError
from service.formats import csv_text
from service.scoring.batches import Scored, score_records
from service.scoring.blocks import record_ends
from service.scoring.columns import Kept, check_columns, listed
from service.scoring.scorer import Scorer
from service.scoring.stopped import Stopped

_BOM: Final = b"\xef\xbb\xbf"
_PRESENT: Final = {"header": "present"}


@dataclass(frozen=True)
class CsvRows:
    """How the records of one file are read, and which of their columns are written."""

    scorer: Scorer
    names: tuple[str, ...]  # of the file's columns
    headed: bool
    end: bytes  # of a line
    kept: Kept

    @classmethod
    def of(cls, first: bytes, scorer: Scorer, kept: Kept, header: str) -> "CsvRows":
        """Read the first record; raises Stopped if it does not have the model's columns."""
        tables, names = scorer.for_batch().contract.tables, list(scorer.contract.tables.names)
        try:
            lines = csv_text.cells_of(first, 1)
            csv_text.refuse_separator_line(lines, names)
            headed = csv_text.is_head(lines[0] if lines else [], header, names)
            if not headed and not header:
                csv_text.read(first, {}, tables)
        except ServiceError as error:
            message = (
                f"the first line has neither the names of the model's columns ({listed(names)}) nor a row: {error}"
            )
            raise Stopped("bad_columns", message) from None
        columns = tuple(lines[0] if headed else names)
        check_columns(columns, scorer, kept)
        return cls(scorer, columns, headed, b"\r\n" if first.endswith(b"\r\n") else b"\n", kept)

    def head(self, first: bytes) -> bytes:
        """Return the header line of the output, b"" where the input has none."""
        if not self.headed:
            return b""
        added = _line(self.scorer.names)
        if self.kept.every:
            return first.rstrip(b"\r\n") + b"," + added + self.end
        return b",".join([_line([name]) for name in self.kept.names] + [added]) + self.end

    def score(self, content: bytes, line: int) -> Scored:
        """Score whole records, the first of which starts in this line."""
        scorer = self.scorer.for_batch()
        block = _Block(self, scorer, content, line)

        def write(good: NDArray[np.intp], prediction: Prediction) -> bytes:
            found = block.records
            given = self._passed_on(found if len(good) == len(found) else [found[at] for at in good])
            added = csv_text.line_of_each(scorer.columns(prediction))
            parts = zip(given, repeat(b","), added, repeat(self.end)) if given else zip(added, repeat(self.end))
            return b"".join(chain.from_iterable(parts))

        return score_records(scorer, block.lines, block.records, block.read, write)

    def _passed_on(self, records: Sequence[bytes]) -> Sequence[bytes]:
        if self.kept.every or not self.kept.names:
            return records if self.kept.every else ()
        places = [self.names.index(name) for name in self.kept.names]
        if not any(b'"' in record for record in records):
            most = max(places) + 1
            return [b",".join([cells[at] for at in places]) for cells in (each.split(b",", most) for each in records)]
        return [_line([cells[at] for at in places]) for cells in csv_text.cells_of(b"\n".join(records), len(records))]


class _Block:
    """The records of a block, read as the body of a request with the model's columns only."""

    def __init__(self, rows: CsvRows, scorer: Scorer, content: bytes, line: int) -> None:
        self._tables = scorer.contract.tables
        self._width = len(rows.names)
        self._plain = b'"' not in content
        self.records, self.lines = _records(content.removeprefix(_BOM) if line == 1 else content, line, self._width)
        model = [name for name in rows.names if name in set(self._tables.names)]
        self._names, self._places = model, [rows.names.index(name) for name in model]
        self._head, self._file_head = _line(model) + b"\n", _line(rows.names)
        self._narrow = _narrowing(self._places, self._width)

    def read(self, positions: NDArray[np.intp]) -> Rows:
        """Read the records at these positions; raises InvalidBody and InvalidRows."""
        records = self.records
        chosen = records if len(positions) == len(records) else [records[at] for at in positions]
        if self._plain and self._narrow is not None and (body := self._narrow(chosen)) is not None:
            rows = csv_text.read(self._head + body, _PRESENT, self._tables)[0]
            if len(rows) == len(chosen):
                return rows
        cells = csv_text.cells_of(b"\n".join([self._file_head, *chosen]) + b"\n", len(chosen) + 1)[1:]
        if len(cells) != len(chosen):
            raise _refused("one row", f"{len(cells)}")
        return csv_text.read_cells(self._names, self._model_cells(cells), self._tables)

    def _model_cells(self, cells: list[list[str]]) -> Sequence[Sequence[str]]:
        for row in cells:
            if len(row) != self._width:
                raise _refused(f"{self._width} values between commas", f"{len(row)}")
        if len(self._places) == self._width:
            return cells
        pick: Callable[[list[str]], Any] = itemgetter(*self._places)
        return [(pick(row),) for row in cells] if len(self._places) == 1 else [pick(row) for row in cells]


def _records(content: bytes, line: int, width: int) -> tuple[Sequence[bytes], Sequence[int]]:
    """Return the records without line ends and blank lines, and the number of the line where each starts."""
    plain = b'"' not in content
    if plain:
        found = content.removesuffix(b"\n").split(b"\n")
        lines: Sequence[int] = range(line, line + len(found))
    else:
        ends = record_ends(content).tolist()
        ends += [len(content)] if not ends or ends[-1] < len(content) else []
        found = [content[start:end] for start, end in pairwise([0, *ends])]
        lines = [line, *accumulate((each.count(b"\n") for each in found[:-1]), initial=line)][1:]
    if b"\r" in content or not plain:
        found = [each.removesuffix(b"\n").removesuffix(b"\r") for each in found]
    if width > 1 and b"" in found:
        lines = [number for number, each in zip(lines, found, strict=True) if each]
        found = [each for each in found if each]
    return found, lines


def _narrowing(places: Sequence[int], width: int) -> Callable[[Sequence[bytes]], bytes | None] | None:
    """Return a function that cuts the model's columns out of records without quotes; None unless they are adjacent.

    The function returns None if a record has another number of cells.
    """
    start, end = (places[0], width - places[-1] - 1) if places else (0, 0)
    if not places or list(places) != list(range(start, width - end)):
        return None
    if not start and not end:
        return lambda records: b"\n".join(records) + b"\n"

    def narrow(records: Sequence[bytes]) -> bytes | None:
        if set(map(bytes.count, records, repeat(b","))) != {width - 1}:
            return None
        if start:
            records = [each.split(b",", start)[start] for each in records]
        if end:
            records = [each.rsplit(b",", end)[0] for each in records]
        return b"\n".join(records) + b"\n"

    return narrow


def _refused(expected: str, got: str) -> InvalidRows:
    return InvalidRows((Problem("wrong_feature_count", "", expected, got),))


def _line(cells: Sequence[str]) -> bytes:
    return csv_text.lines([cells]).removesuffix(b"\r\n")
