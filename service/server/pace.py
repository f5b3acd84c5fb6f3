"""Whether requests are quick enough to be answered without a thread.

Handing a request to a thread and getting the answer back costs more than a prediction of a small model: two switches of
the interpreter's lock, a pipe, and two calls to the poller. So the main loop answers requests itself once requests of
their size have proved quick, and hands them to threads again after a slow one.
"""

from typing import Final

QUICK_SECONDS: Final = 0.004  # of CPU time
SLOW_SECONDS: Final = 0.02  # of elapsed time in the main loop
LATE_SECONDS: Final = 0.05  # of mean elapsed time in threads, which share the interpreter
AVERAGED: Final = 8  # about how many requests the mean covers
FEWEST: Final = 16  # how many quick requests in threads are needed, at first
MOST: Final = 4096  # and at most
FORGIVEN: Final = 1024  # quick requests in the main loop
SMALL_BYTES: Final = 64 * 1024
MOST_BYTES: Final = 1024 * 1024


class Pace:
    """Counts quick requests: after enough of them in threads, the main loop may answer the next ones.

    Each slow request in the main loop doubles how many are needed the next time; FORGIVEN quick ones halve it again.
    """

    def __init__(self) -> None:
        self._asked_for, self._quick, self._forgiving = FEWEST, 0, 0
        self._mean = 0.0  # how many seconds requests have lately taken in a thread

    @property
    def known(self) -> bool:
        """Whether any request has been answered in a thread."""
        return self._mean > 0

    @property
    def slow(self) -> bool:
        """Whether requests have lately taken so long that one behind many others would wait for too long."""
        return self._mean > LATE_SECONDS

    def allows(self) -> bool:
        """Return whether a request may be answered in the main loop."""
        return self._quick >= self._asked_for

    def in_thread(self, computed: float, taken: float) -> None:
        """Note the CPU seconds and the elapsed seconds that a request took in a thread."""
        self._quick = self._quick + 1 if computed < QUICK_SECONDS else 0
        self._mean += (taken - self._mean) / AVERAGED if self._mean else taken

    def in_loop(self, computed: float, blocked: float) -> None:
        """Note the CPU seconds of a request in the main loop, and how many seconds it blocked the loop."""
        if computed > QUICK_SECONDS or blocked > SLOW_SECONDS:
            self._quick, self._forgiving, self._asked_for = 0, 0, min(2 * self._asked_for, MOST)
            return
        self._forgiving += 1
        if self._forgiving == FORGIVEN:
            self._forgiving, self._asked_for = 0, max(FEWEST, self._asked_for // 2)


class Paces:
    """One pace for small requests and one for large ones, because neither says anything about the other."""

    def __init__(self) -> None:
        self._small, self._large = Pace(), Pace()

    def of(self, size: int) -> Pace | None:
        """Return the pace of a request of this size in bytes; None for very large ones, which always get a thread."""
        if size > MOST_BYTES:
            return None
        return self._small if size <= SMALL_BYTES else self._large
