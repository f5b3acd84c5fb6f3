"""Runs work in forked processes, so that a crash or hang there does not affect this process."""

import ctypes
import json
import os
import select
import signal
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

_SIZE = struct.Struct("Q")
_PIECE = 1 << 16
_STEP_SECONDS = 0.02
_END_SECONDS = 0.5
_PR_SET_PDEATHSIG = 1  # prctl(2)
_MOST_POINTS = 1000


def _keep_waiting() -> bool:
    return True


def in_fork(
    work: Callable[[], dict[str, Any]], seconds: float, meanwhile: Callable[[], bool] = _keep_waiting
) -> dict[str, Any] | None:
    """Return the work's result, a JSON object; None if it crashes, raises or exceeds the time.

    `meanwhile` is called repeatedly until the work is done, and may reap or fork processes; if it returns false, the
    work is abandoned. Raises OSError if no process can be forked.
    """
    return in_forks(work, 1, seconds, meanwhile)[0]


def in_forks(
    work: Callable[[], dict[str, Any]], count: int, seconds: float, meanwhile: Callable[[], bool] = _keep_waiting
) -> list[dict[str, Any] | None]:
    """Run the same work in several processes at once; return the result of each, as `in_fork` does."""
    end = time.monotonic() + seconds
    children: list[tuple[int, int]] = []
    try:
        for _ in range(count):
            children.append(_start(work))  # noqa: PERF401  # if a fork fails, earlier children are ended
        return [_receive(reader, end, meanwhile) for _, reader in children]
    finally:
        for child, reader in children:
            _end(child)
            os.close(reader)


def end_with_parent(parent: int, number: int = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent ends for any reason (prctl(2), Linux)."""
    with suppress(AttributeError):  # another system
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, ctypes.c_ulong(number))
    if os.getppid() != parent:
        os.kill(os.getpid(), number)


def prefer_oom_kill(points: int) -> None:
    """Have the kernel kill this process rather than the one it was forked from when memory runs out.

    A point is a thousandth of the available memory (proc_pid_oom_score_adj(5), Linux).
    """
    with suppress(OSError):
        path = Path("/proc/self/oom_score_adj")
        path.write_text(str(min(_MOST_POINTS, int(path.read_text()) + points)))


def _start(work: Callable[[], dict[str, Any]]) -> tuple[int, int]:
    parent = os.getpid()
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError:
        os.close(reader)
        os.close(writer)
        raise
    if not child:
        try:
            end_with_parent(parent)
            prefer_oom_kill(1000)
            result = json.dumps(work()).encode()
            with open(writer, "wb") as file:  # noqa: PTH123  # a descriptor has no path
                file.write(_SIZE.pack(len(result)) + result)
        finally:
            os._exit(0)
    os.close(writer)
    return child, reader


def _end(child: int) -> None:
    """Kill and reap a child of this process; processes that `meanwhile` forked run this too, and have no such child."""
    end = time.monotonic() + _END_SECONDS  # a child that hangs in the kernel survives even SIGKILL
    with suppress(ChildProcessError):
        while not os.waitpid(child, os.WNOHANG)[0] and time.monotonic() < end:
            os.kill(child, signal.SIGKILL)
            time.sleep(_STEP_SECONDS / 10)


def _receive(reader: int, end: float, meanwhile: Callable[[], bool]) -> dict[str, Any] | None:
    received = bytearray()
    while len(received) < _SIZE.size or len(received) < _SIZE.size + _SIZE.unpack_from(received)[0]:
        while not select.select([reader], [], [], max(0.0, min(_STEP_SECONDS, end - time.monotonic())))[0]:
            if time.monotonic() >= end or not meanwhile():
                return None
        piece = os.read(reader, _PIECE)
        if not piece:
            return None
        received += piece
    answer: dict[str, Any] = json.loads(received[_SIZE.size :])
    return answer
