"""Whether requests are quick enough to be answered without a thread.

To hand a request to a thread and take its answer back costs more than a small model's whole prediction: two switches of
the interpreter's lock, a pipe, and the poller told twice. So the worker's main loop answers small requests itself once
the model has shown that they are quick, and hands them to threads again when one was not.
"""

from typing import Final

QUICK_SECONDS: Final = 0.004  # of computing time, in a thread
SLOW_SECONDS: Final = 0.02  # of any time, in the main loop
FEWEST: Final = 16
MOST: Final = 4096
MOST_BYTES: Final = 64 * 1024
POST: Final = b"POST "


class Pace:
    """Counts quick requests; each slow one in the main loop doubles how many are asked for before the next."""

    def __init__(self) -> None:
        self._asked_for, self._quick = FEWEST, 0

    def allows(self) -> bool:
        """Say whether a small request may be answered in the main loop."""
        return self._quick >= self._asked_for

    def in_thread(self, seconds: float) -> None:
        """Note how long a thread computed for a small request."""
        self._quick = self._quick + 1 if seconds < QUICK_SECONDS else 0

    def in_loop(self, seconds: float) -> None:
        """Note how long the main loop was held up by one."""
        if seconds > SLOW_SECONDS:
            self._quick, self._asked_for = 0, min(2 * self._asked_for, MOST)


def is_small(content: bytes | bytearray) -> bool:
    """Say whether a request is small, and no scrape or page: these take long whatever the model."""
    return len(content) <= MOST_BYTES and content.startswith(POST)
