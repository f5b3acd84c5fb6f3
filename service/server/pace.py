"""Whether requests are quick enough to be answered without a thread.

To hand a request to a thread and take its answer back costs more than a small model's whole prediction: two switches of
the interpreter's lock, a pipe, and the poller told twice. So the worker's main loop answers requests itself once the
model has shown that those of their size are quick, and hands them to threads again when one was not.
"""

from typing import Final

QUICK_SECONDS: Final = 0.004  # of computing time
SLOW_SECONDS: Final = 0.02  # of any time, in the main loop
LATE_SECONDS: Final = 0.05  # of any time, on average, in threads, where others compute too
AVERAGED: Final = 8  # requests, about
FEWEST: Final = 16
MOST: Final = 4096
FORGIVEN: Final = 1024
SMALL_BYTES: Final = 64 * 1024
MOST_BYTES: Final = 1024 * 1024


class Pace:
    """Counts quick requests.

    Each slow one in the main loop doubles how many are asked for before the next; FORGIVEN quick ones halve it again.
    """

    def __init__(self) -> None:
        self._asked_for, self._quick, self._forgiving = FEWEST, 0, 0
        self._mean = 0.0  # seconds that requests took lately in a thread

    @property
    def known(self) -> bool:
        """Whether any request has been answered."""
        return self._mean > 0

    @property
    def slow(self) -> bool:
        """Whether requests take long lately: one that waits for many others would wait for too long."""
        return self._mean > LATE_SECONDS

    def allows(self) -> bool:
        """Say whether a request may be answered in the main loop."""
        return self._quick >= self._asked_for

    def in_thread(self, computed: float, taken: float) -> None:
        """Note how many seconds a thread computed for a request, and how many passed."""
        self._quick = self._quick + 1 if computed < QUICK_SECONDS else 0
        self._mean += (taken - self._mean) / AVERAGED if self._mean else taken

    def in_loop(self, computed: float, blocked: float) -> None:
        """Note how many seconds the main loop computed for a request, and how long it was blocked by it at all."""
        if computed > QUICK_SECONDS or blocked > SLOW_SECONDS:
            self._quick, self._forgiving, self._asked_for = 0, 0, min(2 * self._asked_for, MOST)
            return
        self._forgiving += 1
        if self._forgiving == FORGIVEN:
            self._forgiving, self._asked_for = 0, max(FEWEST, self._asked_for // 2)


class Paces:
    """One pace for requests of few rows, another for those of many: what they show says nothing of each other."""

    def __init__(self) -> None:
        self._small, self._large = Pace(), Pace()

    def of(self, size: int) -> Pace | None:
        """Return the pace of a request of so many bytes; None for the very large, which take long anyway."""
        if size > MOST_BYTES:
            return None
        return self._small if size <= SMALL_BYTES else self._large
