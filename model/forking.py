"""Does something in forked processes, whose crash or hang harms nobody."""

import json
import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any

_MOST_SAID = 1 << 20


def in_fork(work: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any] | None:
    """Return what the work says, a JSON object; None if it crashes, raises or does not end in time."""
    return in_forks(work, 1, seconds)[0]


def in_forks(work: Callable[[], dict[str, Any]], count: int, seconds: float) -> list[dict[str, Any] | None]:
    """Do the same work in several processes at once; return what each says, as in_fork does."""
    end = time.monotonic() + seconds
    children = [_start(work) for _ in range(count)]
    try:
        return [_said(reader, end - time.monotonic()) for _, reader in children]
    finally:
        for child, reader in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            os.close(reader)


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


def _said(reader: int, seconds: float) -> dict[str, Any] | None:
    ready, _, _ = select.select([reader], [], [], max(seconds, 0.0))
    said = os.read(reader, _MOST_SAID) if ready else b""
    return json.loads(said) if said else None
