"""Does something in forked processes, whose crash or hang harms nobody."""

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_MOST_SAID = 1 << 20
_STEP_SECONDS = 0.02
_END_SECONDS = 0.5
_STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def _wait() -> bool:
    return True


def in_fork(
    work: Callable[[], dict[str, Any]], seconds: float, meanwhile: Callable[[], bool] = _wait
) -> dict[str, Any] | None:
    """Return what the work says, a JSON object; None if it crashes, raises or does not end in time.

    `meanwhile` is called again and again until then, and may reap or fork processes; the work is given up when it is
    false.
    """
    return in_forks(work, 1, seconds, meanwhile)[0]


def in_forks(
    work: Callable[[], dict[str, Any]], count: int, seconds: float, meanwhile: Callable[[], bool] = _wait
) -> list[dict[str, Any] | None]:
    """Do the same work in several processes at once; return what each says, as in_fork does."""
    end = time.monotonic() + seconds
    with _ending_together():
        children: list[tuple[int, int]] = []
        try:
            children.extend(_start(work) for _ in range(count))
            return [_said(reader, end, meanwhile) for _, reader in children]
        finally:
            for child, reader in children:
                _end(child)
                os.close(reader)


@contextmanager
def _ending_together() -> Iterator[None]:
    """Where a signal would end this process alone, have it end as by an exit, which ends the children too."""
    alone = [number for number in _STOPS if signal.getsignal(number) is signal.SIG_DFL]
    for number in alone:
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        yield
    finally:
        for number in alone:
            signal.signal(number, signal.SIG_DFL)


def _start(work: Callable[[], dict[str, Any]]) -> tuple[int, int]:
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    return child, reader


def _end(child: int) -> None:
    """Kill a child that is still there, as long as it is this process's: one forked meanwhile comes by here too."""
    end = time.monotonic() + _END_SECONDS  # what hangs in the kernel outlives even this
    with suppress(ChildProcessError):
        while not os.waitpid(child, os.WNOHANG)[0] and time.monotonic() < end:
            os.kill(child, signal.SIGKILL)
            time.sleep(_STEP_SECONDS / 10)


def _said(reader: int, end: float, meanwhile: Callable[[], bool]) -> dict[str, Any] | None:
    while not select.select([reader], [], [], max(0.0, min(_STEP_SECONDS, end - time.monotonic())))[0]:
        if time.monotonic() >= end or not meanwhile():
            return None
    said = os.read(reader, _MOST_SAID)
    return json.loads(said) if said else None
