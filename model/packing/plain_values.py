"""Converts dates and missing values in a component's attributes to the form that a served model gets.

Categories that are Python dates or pandas timestamps become numpy datetimes; a time with a zone is converted to UTC.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.packing.training_data import utc_strings

_LEARNT: Final = "categories_"
_GIVEN: Final = "categories"


def plain_values(part: Any) -> dict[str, Any]:
    """Return those attributes of a component that change, with their new values."""
    own = getattr(part, "__dict__", {})
    found: dict[str, Any] = {}
    categories = own.get(_LEARNT)
    if isinstance(categories, list) and any(map(_are_dates, categories)):
        found[_LEARNT] = [_as_datetimes(each) if _are_dates(each) else each for each in categories]
        found |= {} if isinstance(own.get(_GIVEN), str) else {_GIVEN: "auto"}
    if type(own.get("missing_values")).__name__ == "NAType":  # requests have NaN
        found["missing_values"] = np.nan
    return found


def _are_dates(categories: Any) -> bool:
    """Return whether an array of objects holds nothing but dates or times."""
    objects = isinstance(categories, np.ndarray) and categories.dtype == object
    return objects and utc_strings(categories.tolist()) is not None


def _as_datetimes(categories: Any) -> NDArray[np.datetime64]:
    return np.array(utc_strings(categories.tolist()), dtype="datetime64[us]")
