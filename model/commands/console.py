"""Prints a command's output: the report to stdout, everything else to stderr; draws only on terminals."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol, TextIO

from model.commands.tables import Part, plain
from model.oneline import one_line


class Progress(Protocol):
    """A function that shows the progress of long work."""

    def __call__(self, stage: str, done: float | None = None, total: float | None = None, /) -> None:
        """Show the stage, and, where known, how much of the total is done."""


@dataclass(frozen=True)
class Console:
    """Prints a command's output as `--json` and `--quiet` demand."""

    json: bool = False
    quiet: bool = False

    def report(self, document: Any, *parts: Part) -> None:
        """Print a report on stdout: the document with `--json`, otherwise the parts, for people."""
        if self.json:
            print(json.dumps(document, indent=2))
        else:
            show(sys.stdout, *parts)

    def note(self, text: str) -> None:
        """Print a note on stderr, unless quiet."""
        if not self.quiet:
            say(text)

    def warn(self, text: str) -> None:
        """Print a warning on stderr, even if quiet."""
        say(f"warning: {text}")

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Yield a function that shows progress if stderr is a terminal, and nothing otherwise."""
        if self.quiet or not _draws(sys.stderr):
            yield lambda *_: None
            return
        from model.commands.terminal import bar  # noqa: PLC0415  # rich: see there

        with bar(sys.stderr) as show_progress:
            yield show_progress


def show(stream: TextIO, *parts: Part) -> None:
    """Print parts for people: drawn on a terminal, as plain text elsewhere."""
    if _draws(stream):
        from model.commands.terminal import print_parts  # noqa: PLC0415  # rich: see there

        print_parts(parts, stream)
    else:
        print(plain(parts), file=stream, flush=True)


def say(text: str) -> None:
    """Print one line on stderr."""
    print(one_line(text), file=sys.stderr, flush=True)


def _draws(stream: TextIO) -> bool:
    return stream.isatty() and find_spec("rich") is not None
