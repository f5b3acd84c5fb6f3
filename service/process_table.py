"""A table in shared memory where each process of a server reports on itself, to the master and to all others.

So the process that is scraped answers for all. Each number has four or eight bytes and is written in one piece. So no
lock is needed, and a process that is killed leaves nothing half written.

Imports: nothing.
"""

import ctypes
import mmap
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from typing import Final

MASTER: Final = "master"
FILE: Final = "processes"
SLOTS: Final = 2048  # twice as many as there may be workers
STATES: Final = ("starting", "ready", "stopping", "hung")  # of workers, as metrics show them


class WorkerStatus(IntEnum):
    """What a worker has reported to the master. LEFT: it has ended because it had answered `max_requests` requests."""

    BOOTING, READY, HUNG, LEFT = range(4)


class Server(ctypes.Structure):
    """What is known of the server as a whole. All processes see an assignment at once."""

    slots: int  # how many have been used
    wanted: int  # how many workers there should be
    proven: int  # whether any worker has ever proven the model
    draining: int  # whether load balancers should send no more requests; the server still answers


class Row(ctypes.Structure):
    """The numbers of one process, or of its slot. All processes see an assignment at once."""

    cpu_before: float  # CPU seconds of the slot's earlier processes
    cpu_seconds: float  # CPU seconds of all the slot's processes, which never fall
    memory_read_at: float  # monotonic clock
    memory_kilobytes: int
    pid: int  # 0: there is no process
    status: int  # a WorkerStatus, which unlike `state` stays HUNG when the thread returns after all
    connections: int  # all that are open; up to date, while the numbers below are written every half second
    state: int  # index in STATES
    in_progress: int  # prediction requests
    predicting: int  # requests that hold a prediction slot
    waiting: int  # requests that wait for a slot
    queued: int  # requests that wait for the main loop or a thread
    reading: int  # connections whose request is arriving
    answering: int  # connections whose request is being answered
    sending: int  # connections whose client is still receiving an answer
    idle: int  # connections without a request
    most_predicting: int  # the limits, in the same order
    most_waiting: int
    most_queued: int  # for a slow model; further requests are refused
    most_connections: int

    def enter(self, pid: int) -> None:
        """Note that a process begins in this row."""
        self.leave()
        self.pid = pid

    def leave(self) -> None:
        """Note that a worker's process has gone; the CPU seconds of its slot stay."""
        computed = self.cpu_seconds
        ctypes.memset(ctypes.byref(self), 0, ctypes.sizeof(self))
        self.cpu_before = self.cpu_seconds = computed

    def computed(self, seconds: float) -> float:
        """Note the CPU seconds of the process; return those of the slot, which never fall."""
        self.cpu_seconds = max(self.cpu_seconds, self.cpu_before + seconds)
        return self.cpu_seconds


for _table in (Server, Row):
    _kinds = _table.__annotations__.items()
    _table._fields_ = [(name, ctypes.c_double if kind is float else ctypes.c_uint32) for name, kind in _kinds]
_ROW: Final = ctypes.sizeof(Row)
_ROWS: Final = ctypes.sizeof(Server)  # where they begin
SIZE: Final = _ROWS + (1 + SLOTS) * _ROW


class ProcessTable:
    """The server as a whole, and the rows of the master and of worker slots ("w" and a number), in shared memory."""

    def __init__(self, memory: "mmap.mmap | bytearray | None" = None) -> None:
        self._memory = bytearray(SIZE) if memory is None else memory
        self.server = Server.from_buffer(self._memory)

    def row(self, slot: str) -> Row:
        """Return the row of a slot."""
        index = 0 if slot == MASTER else 1 + int(slot[1:])
        return Row.from_buffer(self._memory, _ROWS + index * _ROW)

    def reserve(self, slot: str) -> None:
        """Have `used` look at a slot from now on; only in the master."""
        self.server.slots = max(self.server.slots, 1 + int(slot[1:]))

    def status_of(self, slot: str) -> WorkerStatus:
        """Return the status of the worker that has a slot."""
        return WorkerStatus(self.row(slot).status)

    def set_status(self, slot: str, status: WorkerStatus) -> None:
        """Set the status of the worker of a slot; a worker that is ready has proven the model."""
        self.row(slot).status = status
        if status is WorkerStatus.READY:
            self.server.proven = True

    def used(self) -> Iterator[tuple[str, Row]]:
        """Yield the master and the slots that have, or had, a process, with their rows."""
        for slot in (MASTER, *(f"w{number}" for number in range(self.server.slots))):
            row = self.row(slot)
            if row.pid or row.cpu_seconds:
                yield slot, row


def make(directory: Path) -> ProcessTable:
    """Create the table in a directory; its memory is reserved now, and shared with all later forks of this process."""
    (directory / FILE).write_bytes(bytes(SIZE))
    return find(directory)


def find(directory: Path) -> ProcessTable:
    """Return the table that a process made in the directory."""
    with (directory / FILE).open("r+b") as file:
        return ProcessTable(mmap.mmap(file.fileno(), SIZE))
