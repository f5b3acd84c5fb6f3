"""A bounded number of predictions at once, and a bounded wait for a place among them."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from service.errors import Overloaded


class Limiter:
    """Hands out at most `slots` places at a time; who waits longer than `seconds` is turned away."""

    def __init__(self, slots: int, seconds: float) -> None:
        self._free = threading.BoundedSemaphore(slots)
        self._slots = slots
        self._seconds = seconds

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold a place for the length of the block; raises Overloaded."""
        if not self._free.acquire(timeout=self._seconds):
            raise Overloaded(
                f"All {self._slots} prediction slots stayed busy for {self._seconds:g} s; try again later, "
                "or add workers."
            )
        try:
            yield
        finally:
            self._free.release()
