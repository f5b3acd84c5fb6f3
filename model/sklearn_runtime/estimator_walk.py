"""Walks the components of an estimator, however they are nested, without importing their libraries."""

from collections.abc import Iterator
from typing import Any

import numpy as np

# Compiled objects whose arrays are indexed by compiled code without bounds checks.
SPARSE = frozenset({"csr_array", "csr_matrix", "csc_array", "csc_matrix"})
SPLINES = frozenset({"BSpline", "_BSpline"})
COMPILED = frozenset({"Tree", "TreePredictor", "KDTree", "BallTree", "RandomState", "Generator", *SPLINES, *SPARSE})
_LIBRARIES = ("numpy", "scipy", "sklearn")


def walk(value: Any, owner: Any = None, seen: set[int] | None = None) -> Iterator[tuple[Any, Any]]:
    """Yield each estimator that attributes and containers lead to once, and each compiled object once for each owner.

    The owner is the nearest estimator above it, or None for the outermost.
    """
    seen = set() if seen is None else seen
    if is_compiled(value):
        yield value, owner
        return
    if id(value) in seen:
        return
    if hasattr(value, "get_params"):
        seen.add(id(value))
        yield value, owner
    children = _children(value)
    below = value if hasattr(value, "get_params") else owner
    if children:
        seen.add(id(value))
    for child in children:
        yield from walk(child, below, seen)


def is_compiled(value: Any) -> bool:
    """Return whether a value is one of the compiled objects, and not of an own class of the same name."""
    return type(value).__name__ in COMPILED and type(value).__module__.partition(".")[0] in _LIBRARIES


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, np.ndarray):
        return value.ravel().tolist() if value.dtype == object else []
    library = type(value).__module__.partition(".")[0]
    ours = library == "sklearn" or hasattr(value, "get_params")
    return list(vars(value).values()) if ours and hasattr(value, "__dict__") and not isinstance(value, type) else []
