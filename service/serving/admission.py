"""Admission: how many predictions and rows a worker computes at once, and how many requests wait for how long."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from service.errors import ServiceError, TryLater
from service.process_table import Row


class Admission:
    """Grants at most `slots` slots at a time, for at most `rows` rows together.

    At most `most_waiting` requests wait, each for at most `seconds`; when that many wait, the next one is shed at once.
    A request with more than `rows` rows is admitted when no other request has rows. The row that `row` returns, which
    is another one after a fork, shows how many requests run and wait.
    """

    def __init__(self, slots: int, most_waiting: int, rows: int, seconds: float, row: Callable[[], Row]) -> None:
        self._row = row
        self._changed = threading.Condition(threading.Lock())
        self._slots, self._most_waiting, self._rows, self._seconds = slots, most_waiting, rows, seconds
        self._slots_taken = self._rows_taken = self._waiting = 0

    def slot(self, deadline: float, has_gone: Callable[[], bool]) -> "Slot":
        """Return a slot for a request whose prediction has to start by `deadline` (monotonic clock).

        `has_gone` says whether the caller has closed the connection; it is called only after a wait.
        """
        return Slot(self, deadline, has_gone)

    def acquire(self, rows: int, deadline: float) -> bool:
        """Take a slot and so many rows; return whether the request had to wait. Raises TryLater."""
        if time.monotonic() >= deadline:
            raise _too_late()
        with self._changed:
            waits = not self._fits(rows)
            if waits:
                self._wait(rows, deadline)
            self._slots_taken += 1
            self._row().predicting = self._slots_taken
            self._rows_taken += rows
        return waits

    def extend(self, rows: int) -> bool:
        """Take rows for a slot that has none; return whether there was room."""
        with self._changed:
            if fits := self._has_room(rows):
                self._rows_taken += rows
        return fits

    def release(self, rows: int) -> None:
        """Give back a slot with its rows."""
        with self._changed:
            self._slots_taken -= 1
            self._row().predicting = self._slots_taken
            self._rows_taken -= rows
            if self._waiting:
                self._changed.notify_all()  # all, because the first one may need more rows than are free

    def _has_room(self, rows: int) -> bool:
        return self._rows_taken + rows <= self._rows or not self._rows_taken

    def _fits(self, rows: int) -> bool:
        return self._slots_taken < self._slots and self._has_room(rows)

    def _wait(self, rows: int, deadline: float) -> None:
        limits = f"All {self._slots} prediction slots or {self._rows} rows of a worker"
        if self._waiting >= self._most_waiting:
            message = f"{limits} are in use, and {self._waiting} requests wait; try again later, or add workers."
            raise TryLater("overloaded", message, shed="slots")
        self._waiting += 1
        self._row().waiting = self._waiting
        try:
            left = max(0.0, deadline - time.monotonic())
            if not self._changed.wait_for(lambda: self._fits(rows), min(self._seconds, left)):
                if time.monotonic() >= deadline:
                    raise _too_late()
                message = f"{limits} stayed in use for {self._seconds:g} s; try again later, or add workers."
                raise TryLater("overloaded", message, shed="queue_time")
        finally:
            self._waiting -= 1
            self._row().waiting = self._waiting


class Slot:
    """The slot of one request, which it holds for the length of a `with` block."""

    def __init__(self, admission: Admission, deadline: float, has_gone: Callable[[], bool]) -> None:
        self._admission, self._deadline, self._has_gone = admission, deadline, has_gone
        self._rows: int | None = None  # None while no slot is held

    def __enter__(self) -> Self:
        """Take a slot; raises ServiceError if none is free in time, or if the caller has gone."""
        self._acquire(0)
        return self

    def take(self, rows: int) -> None:
        """Take the rows that are to be predicted; raises the same errors as entering the block."""
        if self._admission.extend(rows):
            self._rows = rows
        else:  # while the request waits for rows, others can have its slot
            self._release()
            self._acquire(rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the slot back."""
        self._release()

    def _acquire(self, rows: int) -> None:
        waited = self._admission.acquire(rows, self._deadline)
        self._rows = rows
        if waited and self._has_gone():
            self._release()
            message = "The caller closed its connection before its prediction was started."
            raise ServiceError("caller_gone", message)

    def _release(self) -> None:
        if self._rows is not None:
            self._admission.release(self._rows)
            self._rows = None


def _too_late() -> TryLater:
    message = "The prediction was not started before the request's deadline; allow more time, try again later or add "
    return TryLater("deadline_exceeded", f"{message}workers.", shed="deadline")
