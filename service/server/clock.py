"""Notices that the system's clock was set. Only the times in the logs are by that clock."""

import time
from collections.abc import Callable
from typing import Any, Final

STEP_SECONDS: Final = 1.0  # a clock that is only slewed (adjtime(3)) changes by less between two checks


class Clock:
    """Compares the system's clock with the monotonic clock, which nobody can set."""

    def __init__(self, unix: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._unix, self._monotonic = unix, monotonic
        self._ahead = unix() - monotonic()

    def step(self) -> float:
        """Return by how many seconds the clock was set since the last check, or 0."""
        before, self._ahead = self._ahead, self._unix() - self._monotonic()
        step = self._ahead - before
        return step if abs(step) > STEP_SECONDS else 0.0

    def report(self, log: Any, count: Callable[[str], object]) -> None:
        """Log and count a step, if there was one since the last check."""
        if step := self.step():
            direction = "back" if step < 0 else "forward"
            log.warning("the clock was set %s by %.1f s; the times in the logs are by it", direction, abs(step))
            count(direction)
