"""Tables that commands show to people, and their form as plain text."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from model.oneline import one_line

_GAP: Final = "  "


@dataclass(frozen=True)
class Table:
    """Rows of cells below the names of their columns; the columns in `numbers` are aligned right.

    On a terminal, it is `boxed`.
    """

    columns: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    numbers: frozenset[str] = frozenset()
    boxed: bool = True

    def safe_rows(self) -> list[list[str]]:
        """Return the rows without characters that could manipulate a terminal: cells may be of unknown origin."""
        return [[one_line(cell) for cell in row] for row in self.rows]


Part = Table | str


def fields(values: Mapping[str, str]) -> Table:
    """Return names, and a value for each, as a table without a head and a box."""
    return Table(("", ""), list(values.items()), boxed=False)


def plain(parts: Sequence[Part]) -> str:
    """Return the parts as text for a pipe or a file: columns are aligned, nothing is cut off or coloured."""
    return "\n\n".join("\n".join(_lines(part)) for part in parts)


def _lines(part: Part) -> Iterator[str]:
    if isinstance(part, str):
        yield from map(one_line, part.split("\n"))
    else:
        head = [list(part.columns)] if any(part.columns) else []
        rows = [*head, *part.safe_rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        aligned = [">" if name in part.numbers else "<" for name in part.columns]
        for row in rows:
            cells = zip(row, aligned, widths, strict=True)
            yield _GAP.join(f"{cell:{align}{width}}" for cell, align, width in cells).rstrip()
