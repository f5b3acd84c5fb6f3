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
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from model.commands.tables import Fields, Part, Table
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
    if isinstance(part, Fields):
        grid = RichTable.grid(padding=(0, 2))
        grid.add_column(style="bold", no_wrap=True)
        grid.add_column(overflow="fold")
        for name, value in part.safe().items():
            grid.add_row(Text(name), Text(value))
        return grid
    return _table(part)


def _table(part: Table) -> RichTable:
    table = RichTable(box=box.ROUNDED, show_header=any(part.columns), header_style="bold", border_style="dim")
    for name in part.columns:
        table.add_column(Text(name), justify="right" if name in part.numbers else "left", overflow="fold")
    for row in part.safe_rows():
        table.add_row(*(Text(cell, style=_STYLES.get(cell, "")) for cell in row))
    return table


class Bar:
    """A line with the stage, a bar and the remaining time. It has no thread, so it can be shown across a fork."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task: TaskID | None = None
        self._shown = ("", 0.0)

    def show(self, stage: str, done: float | None = None, total: float | None = None) -> None:
        """Show the stage, and how much is done of how much."""
        now = time.monotonic()
        if stage == self._shown[0] and now - self._shown[1] < _OFTEN:
            return
        self._shown = (stage, now)
        if self._task is None:
            self._task = self._progress.add_task("", total=None)
        self._progress.update(self._task, description=one_line(stage), completed=done, total=total, refresh=True)


@contextmanager
def bar(stream: TextIO) -> Iterator[Bar]:
    """Draw a bar on a terminal, and erase it at the end; text that is written to stderr meanwhile appears above it."""
    console = Console(file=stream, highlight=False)
    columns = (
        TextColumn("{task.description} …", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, transient=True, auto_refresh=False, redirect_stdout=False) as progress:
        yield Bar(progress)
