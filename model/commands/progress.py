"""Shows on a terminal which step a pack is at."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from model.steps import Progress, Step, no_progress

_CLEAR: Final = "\r\x1b[K"  # ECMA-48: erase the line
_STEPS: Final = tuple(Step)


@contextmanager
def progress_bar(stream: TextIO | None = None) -> Iterator[Progress]:
    """Yield what draws each step on the terminal that stderr is; nothing is drawn where it is none, or afterwards."""
    stream = stream or sys.stderr
    if not stream.isatty():
        yield no_progress
        return

    def draw(step: Step) -> None:
        done = _STEPS.index(step)
        bar = "#" * done + "." * (len(_STEPS) - done)
        stream.write(f"{_CLEAR}[{bar}] {step} …")
        stream.flush()

    try:
        yield draw
    finally:
        stream.write(_CLEAR)
        stream.flush()
