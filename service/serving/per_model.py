"""Values that are made once for each served model, when they are first asked for."""

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

from service.serving.served_model import ModelSlot, ServedModel

T = TypeVar("T")


class MadeOnce(Generic[T]):
    """Makes a value from the served model, and keeps it until another model is served."""

    def __init__(self, slot: ModelSlot, make: Callable[[ServedModel], T]) -> None:
        self._slot, self._make, self._lock = slot, make, Lock()
        self._made: tuple[ServedModel, T] | None = None

    def get(self) -> T:
        """Return the value; waits if another thread is making it."""
        with self._lock:
            served = self._slot.current
            if self._made is None or self._made[0] is not served:
                self._made = served, self._make(served)
            return self._made[1]
