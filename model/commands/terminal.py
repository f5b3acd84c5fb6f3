"""Draws tables and progress on a terminal, with rich.

This is only imported if output goes to a terminal: importing rich takes as long as a small command, and the serving
images leave rich out.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

from rich import box
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress
from rich.table import Table as RichTable
from rich.text import Text

from model.commands.console import Progress
from model.commands.tables import Part, Table
from model.oneline import one_line

_OFTEN: Final = 0.1  # least seconds between two drawings of the same stage
_STYLES: Final = {"ok": "green", "FAIL": "bold red", "identical": "green", "different": "bold red"}


def print_parts(parts: Sequence[Part], stream: TextIO) -> None:
    """Print the parts of a report, as wide as the terminal."""
    console = Console(file=stream, highlight=False)
    for part in parts:
        console.print(_drawn(part), soft_wrap=isinstance(part, str))  # lines of text stay whole, for copying


def _drawn(part: Part) -> Text | RichTable:
    if isinstance(part, str):
        return Text("\n".join(map(one_line, part.split("\n"))))
    return _table(part) if part.boxed else _grid(part)


def _grid(part: Table) -> RichTable:
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for row in part.safe_rows():
        grid.add_row(*map(Text, row))
    return grid


def _table(part: Table) -> RichTable:
    table = RichTable(box=box.ROUNDED, show_header=any(part.columns), header_style="bold", border_style="dim")
    for name in part.columns:
        table.add_column(Text(name), justify="right" if name in part.numbers else "left", overflow="fold")
    for row in part.safe_rows():
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    return table


@contextmanager
def bar(stream: TextIO) -> Iterator[Progress]:
    """Yield a function that draws a line with the stage, a bar and the remaining time, and erase the line at the end.

    Text that is written to stderr meanwhile appears above it. No thread draws, so it can be called across a fork.
    """
    console = Console(file=stream, highlight=False)
    columns = (
        TextColumn("{task.description} …", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with RichProgress(*columns, console=console, transient=True, auto_refresh=False, redirect_stdout=False) as progress:
        task = progress.add_task("", total=None, visible=False)
        shown = ("", 0.0)

        def show(stage: str, done: float | None = None, total: float | None = None, /) -> None:
            nonlocal shown
            now = time.monotonic()
            if stage == shown[0] and now - shown[1] < _OFTEN:
                return
            shown = (stage, now)
            said = one_line(stage)
            progress.update(task, description=said, completed=done, total=total, visible=True, refresh=True)

        yield show
