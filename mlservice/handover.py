"""Writes an estimator and its data for the process that packs them, and finds the code that they need.

What the notebook itself defines cannot be imported anywhere else. A stand-in with the same name takes its place:
packing drops it with all that only fitting used, such as a scorer, or names it.
"""

import pickle
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType
from typing import IO, Any, Final

from mlservice.errors import Error

MAIN: Final = "__main__"
_CODE: Final = "bad_code"
# Names of the application: in its processes, modules of these names are its own.
_TAKEN: Final = frozenset({"model", "service", "wsgi"})


@dataclass(frozen=True)
class HandedOver:
    """The directory of the caller's own code that is needed, if any, and what has a stand-in."""

    code: Path | None
    stand_ins: list[str]


def hand_over(given: dict[str, Any], file: IO[bytes], code: Path | None) -> HandedOver:
    """Write what is given, and return what it needs; raises Error."""
    pickler = _Pickler(file)
    try:
        pickler.dump(given)
    except Exception as error:  # pickle raises what the objects raise
        raise Error(
            "unsupported_estimator",
            f"the model or its data cannot be written for the process that packs them ({type(error).__name__}: "
            f"{str(error)[:300]}).",
        ) from error
    own = dict(_own_modules(pickler.modules))
    if taken := _TAKEN & set(own):
        raise Error(
            _CODE,
            f"the model needs your module {', '.join(sorted(taken))}, a name that ml-service has for itself: rename "
            "the module, import it by the new name, and fit the model again.",
        )
    places = set(own.values())
    if code is None and len(places) > 1:
        raise Error(
            _CODE,
            f"the model needs your own code from {' and '.join(sorted(map(str, places)))}: put it into one directory, "
            "or name one with code=… and install the rest.",
        )
    return HandedOver(code or next(iter(places), None), list(pickler.stand_ins))


class _Pickler(pickle.Pickler):
    """Notes the modules that it names, and names nothing of `__main__`."""

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, protocol=5)
        self.modules: dict[str, None] = {}
        self.stand_ins: dict[str, None] = {}

    def reducer_override(self, value: Any) -> Any:
        """Put a stand-in in the place of a class or function of the notebook, and leave all else to pickle."""
        if not isinstance(value, (type, FunctionType)):
            return NotImplemented
        if value.__module__ == MAIN:
            self.stand_ins[value.__qualname__] = None
            return stand_in, (value.__qualname__, isinstance(value, type))
        self.modules[str(value.__module__)] = None
        return NotImplemented


def stand_in(name: str, is_class: bool) -> Any:  # noqa: FBT001  # a pickle has no names of arguments
    """Return what stands for a class or function of the notebook in the process that packs."""

    def function(*_: Any, **__: Any) -> Any:
        raise NotImplementedError(f"{name} is in the notebook")

    if is_class:
        return type(name.rpartition(".")[2], (), {"__module__": MAIN, "__qualname__": name})
    function.__module__, function.__qualname__ = MAIN, name
    return function


def _own_modules(names: Iterable[str]) -> Iterator[tuple[str, Path]]:
    """Yield the top-level modules that are installed nowhere, each with the directory that it is in."""
    installed = [Path(path).resolve() for path in sysconfig.get_paths().values()]
    for name in {each.partition(".")[0] for each in names}:
        origin = getattr(sys.modules.get(name), "__file__", None)
        if origin is None:
            continue
        path = Path(origin).resolve()
        apart = {"site-packages", "dist-packages"}.isdisjoint(path.parts)
        if apart and not any(path.is_relative_to(place) for place in installed):
            yield name, path.parent.parent if path.name == "__init__.py" else path.parent
