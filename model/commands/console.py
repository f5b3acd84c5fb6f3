"""Where a command's words go: the report to stdout, everything else to stderr; tables and bars only on terminals."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Final, Protocol, TextIO

from model.commands.tables import Part, plain
from model.oneline import one_line


class Progress(Protocol):
    """Shows how far long work is."""

    def show(self, stage: str, done: float | None = None, total: float | None = None) -> None:
        """Show the stage, and how much is done of how much, as far as that is known."""


class NoProgress:
    """Shows nothing."""

    def show(self, stage: str, done: float | None = None, total: float | None = None) -> None:
        """Show nothing."""


NO_PROGRESS: Final = NoProgress()


@dataclass(frozen=True)
class Console:
    """Prints what a command found, as `--json` and `--quiet` say."""

    json: bool = False
    quiet: bool = False

    def report(self, document: Any, *parts: Part) -> None:
        """Print what was found on stdout: the document as JSON if that is asked for, else the parts for a person."""
        if self.json:
            print(json.dumps(document, indent=2))
        else:
            show(sys.stdout, *parts)

    def note(self, text: str) -> None:
        """Say on stderr what takes long, or should be known."""
        if not self.quiet:
            say(text)

    def warn(self, text: str) -> None:
        """Say on stderr what may be wrong, also when quiet."""
        say(f"warning: {text}")

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Yield what shows the progress of long work on the terminal that stderr is; elsewhere it shows nothing."""
        if self.quiet or not _draws(sys.stderr):
            yield NO_PROGRESS
            return
        from model.commands.terminal import bar  # noqa: PLC0415  # rich: see there

        with bar(sys.stderr) as drawn:
            yield drawn


def show(stream: TextIO, *parts: Part) -> None:
    """Print parts for a person, as wide as the terminal that the stream may be."""
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
