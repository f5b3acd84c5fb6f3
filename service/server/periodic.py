"""A function that a worker calls from time to time, however busy it is."""

import time
from collections.abc import Callable
from typing import Any, Final

PERIOD_SECONDS: Final = 0.5


class Periodic:
    """Calls a function every PERIOD_SECONDS, or at the loop's next turn after that."""

    def __init__(self, call: Callable[[], object], log: Any) -> None:
        self._call, self._log = call, log
        self._at = 0.0  # when to call next (monotonic clock)
        self._failed = False

    def longest_wait(self, now: float) -> float:
        """Return the seconds until the next call."""
        return self._at - now

    def call_if_due(self) -> None:
        """Call the function if it is time."""
        now = time.monotonic()
        if now >= self._at:
            self._at = now + PERIOD_SECONDS
            self.call()

    def call(self) -> None:
        """Call the function now. Its first failure is logged, and no failure stops the worker."""
        try:
            self._call()
        except Exception:  # noqa: BLE001  # a full disk, or whatever else makes it fail
            if not self._failed:
                self._log.exception("what this worker does every %g s has failed", PERIOD_SECONDS)
            self._failed = True
