"""Whether requests are quick enough to be answered without a thread.

To hand a request to a thread and take its answer back costs more than a small model's whole prediction: two switches of
the interpreter's lock, a pipe, and the poller told twice. So the worker's main loop answers requests itself once the
model has shown that those of their size are quick, and hands them to threads again when one was not.
"""

from typing import Final

QUICK_SECONDS: Final = 0.004  # of computing time, in a thread
SLOW_SECONDS: Final = 0.02  # of any time, in the main loop
FEWEST: Final = 16
MOST: Final = 4096
SMALL_BYTES: Final = 64 * 1024
MOST_BYTES: Final = 1024 * 1024


class Pace:
    """Counts quick requests; each slow one in the main loop doubles how many are asked for before the next."""

    def __init__(self) -> None:
        self._asked_for, self._quick = FEWEST, 0

    def allows(self) -> bool:
        """Say whether a request may be answered in the main loop."""
        return self._quick >= self._asked_for

    def in_thread(self, seconds: float) -> None:
        """Note how long a thread computed for one."""
        self._quick = self._quick + 1 if seconds < QUICK_SECONDS else 0

    def in_loop(self, seconds: float) -> None:
        """Note how long the main loop was held up by one."""
        if seconds > SLOW_SECONDS:
            self._quick, self._asked_for = 0, min(2 * self._asked_for, MOST)


class Paces:
    """One pace for requests of few rows, another for those of many: what they show says nothing of each other."""

    def __init__(self) -> None:
        self._small, self._large = Pace(), Pace()

    def of(self, size: int) -> Pace | None:
        """Return the pace of a request of so many bytes; None for the very large, which take long anyway."""
        if size > MOST_BYTES:
            return None
        return self._small if size <= SMALL_BYTES else self._large
