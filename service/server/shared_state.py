"""What the processes of one server tell each other in shared memory: flags of one byte, and counts of connections.

A byte is read and written in one piece, so no lock is needed, and a process that is killed leaves nothing half written.
A count has four bytes; one that is read while it is being written is wrong only for a moment.
"""

import mmap
import struct
from enum import IntEnum
from pathlib import Path
from typing import Final

from service.process_table import SLOTS, shared_memory

FILE: Final = "state"
_COUNT: Final = struct.Struct("I")
_PROVEN, _DRAINING, _WORKERS = range(3)
_COUNTS: Final = _WORKERS + SLOTS
SIZE: Final = _COUNTS + SLOTS * _COUNT.size


class WorkerStatus(IntEnum):
    """What a worker reports about itself. LEFT: it has ended because it had answered `max_requests` requests."""

    BOOTING, READY, HUNG, LEFT = range(4)


class State:
    """Reads and writes the page of memory, which is shared if there are several processes."""

    def __init__(self, page: "mmap.mmap | bytearray | None" = None) -> None:
        self._page = bytearray(SIZE) if page is None else page

    @property
    def proven(self) -> bool:
        """Whether any worker has ever proven the model."""
        return bool(self._page[_PROVEN])

    @property
    def draining(self) -> bool:
        """Whether load balancers should send no more requests: the server is not ready, but still answers."""
        return bool(self._page[_DRAINING])

    @draining.setter
    def draining(self, value: bool) -> None:
        self._page[_DRAINING] = value

    def status_of(self, slot: str) -> WorkerStatus:
        """Return the status of the worker that has a slot ("w" and a number)."""
        return WorkerStatus(self._page[_WORKERS + int(slot[1:])])

    def set_connections(self, slot: str, connections: int) -> None:
        """Set how many connections the worker of a slot has."""
        _COUNT.pack_into(self._page, _COUNTS + int(slot[1:]) * _COUNT.size, connections)

    def mean_connections(self, slots: int) -> float:
        """Return how many connections the ready workers among the first `slots` slots have on average."""
        ready = [slot for slot in range(slots) if self._page[_WORKERS + slot] == WorkerStatus.READY]
        counts: list[int] = [_COUNT.unpack_from(self._page, _COUNTS + slot * _COUNT.size)[0] for slot in ready]
        return sum(counts) / max(1, len(counts))

    def set_status(self, slot: str, status: WorkerStatus) -> None:
        """Set the status of the worker of a slot; a worker that is ready has proven the model."""
        self._page[_WORKERS + int(slot[1:])] = status
        if status is WorkerStatus.READY:
            self._page[_PROVEN] = True


def make(directory: Path) -> State:
    """Create the page in a directory, where a command can find it."""
    return State(shared_memory(directory / FILE, SIZE))


def find(directory: Path) -> State:
    """Return the page that another process made in the directory."""
    with (directory / FILE).open("r+b") as file:
        return State(mmap.mmap(file.fileno(), SIZE))
