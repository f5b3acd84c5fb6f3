"""Tables and fields that commands show to people, and their form as plain text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from model.oneline import one_line

_GAP: Final = "  "


@dataclass(frozen=True)
class Table:
    """Rows of cells below the names of their columns; the columns in `numbers` are aligned right."""

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[str] = frozenset()

    def safe_rows(self) -> list[list[str]]:
        """Return the rows without characters that could manipulate a terminal: cells may be of unknown origin."""
        return [[one_line(cell) for cell in row] for row in self.rows]


@dataclass(frozen=True)
class Fields:
    """Names, and a value for each."""

    values: Mapping[str, str]

    def safe(self) -> dict[str, str]:
        """Return names and values without characters that could manipulate a terminal."""
        return {one_line(name): one_line(value) for name, value in self.values.items()}


Part = Table | Fields | str


def plain(parts: Sequence[Part]) -> str:
    """Return the parts as text for a pipe or a file: columns are aligned, nothing is cut off or coloured."""
    return "\n\n".join("\n".join(_lines(part)) for part in parts)


def _lines(part: Part) -> Iterator[str]:
    if isinstance(part, str):
        yield from map(one_line, part.split("\n"))
    elif isinstance(part, Fields):
        fields = part.safe()
        width = max(map(len, fields), default=0)
        yield from (f"{name:{width}}{_GAP}{value}".rstrip() for name, value in fields.items())
    else:
        head = [list(part.columns)] if any(part.columns) else []
        rows = [*head, *part.safe_rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        aligned = [">" if name in part.numbers else "<" for name in part.columns]
        for row in rows:
            cells = zip(row, aligned, widths, strict=True)
            yield _GAP.join(f"{cell:{align}{width}}" for cell, align, width in cells).rstrip()
