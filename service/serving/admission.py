"""A bounded number of predictions and of rows at once, and of requests that wait, each for a bounded time."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from service.errors import CallerGone, DeadlineExceeded, Overloaded


class Limiter:
    """Hands out at most `slots` places at a time, for at most `rows` rows together.

    At most `waiting` requests wait, each for at most `seconds`; who comes when that many wait is turned away at once. A
    request for more than `rows` rows is served while no other is.
    """

    def __init__(self, slots: int, waiting: int, rows: int, seconds: float) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._slots, self._most_waiting, self._rows, self.seconds = slots, waiting, rows, seconds
        self._slots_taken = self._rows_taken = self._waiting = 0

    def place(self, deadline: float, gone: Callable[[], bool]) -> "Place":
        """Return a place for a request that has to be started by `deadline` (monotonic clock).

        `gone` says whether its caller is; it is only asked after a wait.
        """
        return Place(self, deadline, gone)

    def enter(self, rows: int, until: float) -> bool:
        """Take a place with so many rows, and say whether that had to be waited for; raises Overloaded."""
        with self._changed:
            waits = not self._fits(rows)
            if waits:
                self._wait(rows, until)
            self._slots_taken += 1
            self._rows_taken += rows
        return waits

    def extend(self, rows: int) -> bool:
        """Add rows to a place that has none; say whether there was room."""
        with self._changed:
            if fits := self._has_room(rows):
                self._rows_taken += rows
        return fits

    def leave(self, rows: int) -> None:
        """Give back a place with its rows."""
        with self._changed:
            self._slots_taken -= 1
            self._rows_taken -= rows
            if self._waiting:
                self._changed.notify_all()  # the first of them may need more rows than there are

    def _has_room(self, rows: int) -> bool:
        return self._rows_taken + rows <= self._rows or not self._rows_taken

    def _fits(self, rows: int) -> bool:
        return self._slots_taken < self._slots and self._has_room(rows)

    def _wait(self, rows: int, until: float) -> None:
        if self._waiting >= self._most_waiting:
            raise Overloaded(
                f"All {self._slots} prediction slots or {self._rows} rows of a worker are in use, and {self._waiting} "
                "requests wait; try again later, or add workers."
            )
        self._waiting += 1
        try:
            if not self._changed.wait_for(lambda: self._fits(rows), max(0.0, until - time.monotonic())):
                raise Overloaded(
                    f"All {self._slots} prediction slots or {self._rows} rows of a worker stayed in use for "
                    f"{self.seconds:g} s; try again later, or add workers."
                )
        finally:
            self._waiting -= 1


class Place:
    """One request's place, for the length of a block."""

    def __init__(self, limiter: Limiter, deadline: float, gone: Callable[[], bool]) -> None:
        self._limiter, self._deadline, self._gone = limiter, deadline, gone
        self._rows: int | None = None  # None while the place is not held

    def __enter__(self) -> Self:
        """Take the place; raises Overloaded, DeadlineExceeded and CallerGone."""
        self._enter(0)
        return self

    def take(self, rows: int) -> None:
        """Say how many rows are to be predicted; raises what entering does."""
        if self._limiter.extend(rows):
            self._rows = rows
        else:  # who waits for rows lets others have the slot
            self._leave()
            self._enter(rows)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give the place back."""
        self._leave()

    def _enter(self, rows: int) -> None:
        now = time.monotonic()
        if now >= self._deadline:
            raise _too_late()
        try:
            waited = self._limiter.enter(rows, min(now + self._limiter.seconds, self._deadline))
        except Overloaded:
            if time.monotonic() >= self._deadline:
                raise _too_late() from None
            raise
        self._rows = rows
        if waited and self._gone():
            self._leave()
            raise CallerGone("The caller closed its connection before its prediction was started.")

    def _leave(self) -> None:
        if self._rows is not None:
            self._limiter.leave(self._rows)
            self._rows = None


def _too_late() -> DeadlineExceeded:
    return DeadlineExceeded(
        "The prediction was not started before the request's deadline; allow more time, try again later or add workers."
    )
