"""Forked processes that work on batches, in order: they share the memory of what was loaded before the fork.

Batches and results stand in files in memory, which all of these processes have open. Only their sizes go through pipes,
so no process waits for another to read. When a process dies, the batch that it was working on is still there.
"""

import os
import select
import signal
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, TypeVar

from model.forking import end_with_parent, prefer_oom_kill
from service.scoring.stopped import Stopped

_MESSAGE: Final = struct.Struct("<QQQ")  # the slot, the size, and whether it is a result or a failure
_RESULT, _FAILURE = 0, 1
_AHEAD: Final = 2  # batches that a process is given at a time, so that it need not wait for the next one
_TRIES: Final = 2
_OOM_POINTS: Final = 500  # if memory runs out, the kernel should kill one of these, and not the process that writes
Work = Callable[[bytes], bytes]
Context = TypeVar("Context")


@dataclass
class _Slot:
    """The files in memory of one batch and of its result."""

    number: int
    batch: int = field(default_factory=lambda: os.memfd_create("batch"))
    result: int = field(default_factory=lambda: os.memfd_create("result"))
    size: int = 0
    tries: int = 0

    def close(self) -> None:
        os.close(self.batch)
        os.close(self.result)


@dataclass
class _Process:
    """A forked process: its pipes, and the slots that it was given, in order."""

    pid: int
    orders: int
    answers: int
    slots: deque[int] = field(default_factory=deque)


class Pool:
    """Works on batches in `count` processes; `work` runs there, and raises Stopped to end the whole run."""

    def __init__(self, work: Work, count: int, ready: Callable[[], None], lost: Callable[[str], None]) -> None:
        """Make a pool; `ready` is called first in each process, `lost` is told of each that dies."""
        self._work, self._ready, self._lost = work, ready, lost
        self._slots = [_Slot(number) for number in range(_AHEAD * count + 2)]
        self._processes = [self._start() for _ in range(count)]

    def close(self) -> None:
        """End all processes."""
        for process in self._processes:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            self._forget(process)
        for slot in self._slots:
            slot.close()

    def work_on(self, batches: Iterable[tuple[Context, bytes]]) -> Iterator[tuple[Context, bytes]]:
        """Yield each batch's context and result, in the order of the batches; raises Stopped.

        There are never more batches and results in memory than slots, even if a slow batch holds up the others.
        """
        free, ordered = deque(self._slots), deque[tuple[Context, _Slot]]()
        done: set[int] = set()
        source, more = iter(batches), True
        while more or ordered:
            while more and free and (process := self._idlest()) is not None:
                batch = next(source, None)
                if batch is None:
                    more = False
                    break
                slot = free.popleft()
                slot.tries, slot.size = 0, _write(slot.batch, batch[1])
                ordered.append((batch[0], slot))
                self._give(process, slot)
            while ordered and ordered[0][1].number in done:
                context, slot = ordered.popleft()
                done.discard(slot.number)
                yield context, os.pread(slot.result, slot.size, 0)
                free.append(slot)
            if ordered and ordered[0][1].number not in done:
                done.update(self._wait())

    def _idlest(self) -> _Process | None:
        least = min(self._processes, key=lambda process: len(process.slots))
        return least if len(least.slots) < _AHEAD else None

    def _give(self, process: _Process, slot: _Slot) -> None:
        process.slots.append(slot.number)
        with suppress(BrokenPipeError):  # it has died, which `_wait` notices
            os.write(process.orders, _MESSAGE.pack(slot.number, slot.size, 0))

    def _wait(self) -> list[int]:
        """Wait for results, and return their slots; replaces processes that have died."""
        poll = select.poll()
        by_answers = {process.answers: process for process in self._processes}
        for answers in by_answers:
            poll.register(answers, select.POLLIN)
        finished = []
        for answers, _ in poll.poll():
            process, message = by_answers[answers], os.read(answers, _MESSAGE.size)
            if len(message) < _MESSAGE.size:
                self._replace(process)
                continue
            number, size, kind = _MESSAGE.unpack(message)
            process.slots.remove(number)
            if kind == _FAILURE:
                code, _, reason = os.pread(self._slots[number].result, size, 0).decode().partition(":")
                raise Stopped(code, reason)
            self._slots[number].size = size
            finished.append(number)
        return finished

    def _replace(self, process: _Process) -> None:
        """Start another process for one that has died, with its batches; raises Stopped if one was tried twice."""
        self._processes.remove(process)
        status = self._forget(process)
        how = signal.Signals(-status).name if status < 0 else f"exit code {status}"
        slots = [self._slots[number] for number in process.slots]
        if slots:
            slots[0].tries += 1
        if not slots or slots[0].tries >= _TRIES:
            raise Stopped("worker_died", f"the process that scored it was ended twice ({how}); is there enough memory?")
        self._lost(f"a process that scores ended ({how}); its batch is given to another one.")
        self._processes.append(self._start())
        for slot in slots:
            self._give(self._processes[-1], slot)

    @staticmethod
    def _forget(process: _Process) -> int:
        os.close(process.orders)
        os.close(process.answers)
        return os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])

    def _start(self) -> _Process:
        parent, (take, orders), (answers, tell) = os.getpid(), os.pipe(), os.pipe()
        pid = os.fork()
        if pid:
            os.close(take)
            os.close(tell)
            return _Process(pid, orders, answers)
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the parent decides
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            end_with_parent(parent)
            prefer_oom_kill(_OOM_POINTS)
            os.close(orders)
            os.close(answers)
            self._serve(take, tell)
        finally:
            os._exit(0)

    def _serve(self, take: int, tell: int) -> None:
        """Work on batches in a forked process, until the parent closes the pipe."""
        failure = b""
        try:
            self._ready()
        except Exception as error:  # noqa: BLE001  # the model's own code may raise anything
            failure = _described(error)
        while message := os.read(take, _MESSAGE.size):
            number, size, _ = _MESSAGE.unpack(message)
            slot, kind, answer = self._slots[number], _FAILURE, failure
            if not failure:
                try:
                    kind, answer = _RESULT, self._work(os.pread(slot.batch, size, 0))
                except Exception as error:  # noqa: BLE001  # likewise
                    kind, answer = _FAILURE, _described(error)
            os.write(tell, _MESSAGE.pack(number, _write(slot.result, answer), kind))


def _described(error: Exception) -> bytes:
    code = error.code if isinstance(error, Stopped) else "failed"
    said = str(error) if isinstance(error, Stopped) else f"{type(error).__name__}: {' '.join(str(error).split())[:500]}"
    return f"{code}:{said}".encode()


def _write(file: int, content: bytes) -> int:
    """Replace the content of a file in memory; return its size."""
    os.ftruncate(file, 0)
    written = 0
    view = memoryview(content)
    while written < len(content):
        written += os.pwrite(file, view[written:], written)
    return written
