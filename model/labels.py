"""Converts labels and numbers of models to arrays and to JSON, without changing their values."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.signature import Label, Signature

LEAST, MOST = -(2**63), 2**64 - 1  # the integers that every format can write
_MOST_SIGNED: Final = 2**63 - 1


def as_array(labels: Sequence[Label]) -> NDArray[Any]:
    """Return labels as an array; numpy alone would convert large integers to float64, and mixed types to strings."""
    kinds = set(map(type, labels))
    if kinds == {int}:
        whole = [int(label) for label in labels]
        dtype = np.int64 if max(whole) <= _MOST_SIGNED else np.uint64 if min(whole) >= 0 else np.object_
        return np.array(labels, dtype=dtype)
    return np.array(labels, dtype=object if len(kinds) > 1 and kinds != {int, float} else None)


def plain(labels: NDArray[Any]) -> NDArray[Any]:
    """Return labels with datetimes as ISO 8601 strings: days as dates, others with a time."""
    if labels.dtype.kind != "M":
        return labels
    unit = "D" if np.datetime_data(labels.dtype)[0] in "YMWD" else "us"
    strings = np.datetime_as_string(labels.ravel().astype(f"M8[{unit}]")).tolist()
    return np.array([each.removesuffix(".000000") for each in strings], dtype=object).reshape(labels.shape)


def answered(found: Any, signature: Signature) -> NDArray[Any]:
    """Return an estimator's answer as labels, of shape (n,) also if the estimator returns a single column."""
    if signature.task == "transformer":
        return dense(found)
    labels = np.asarray(found)
    if labels.ndim == 2 and signature.outputs is None and signature.task != "regressor" and labels.shape[1] == 1:
        labels = labels[:, 0]
    return plain(labels)


def dense(numbers: Any) -> NDArray[np.float64]:
    """Return numbers as an array, those of a sparse matrix too."""
    return np.asarray(numbers.toarray() if hasattr(numbers, "toarray") else numbers, dtype=np.float64, order="C")


def unwritable(label: Any) -> str | None:
    """Return what is wrong with a label that some format of answers cannot express, None if nothing is."""
    if isinstance(label, str):
        return None
    if isinstance(label, int) and not LEAST <= label <= MOST:
        return f"{str(label)[:40]}, which is beyond 64 bits"
    if isinstance(label, (int, float)) and math.isfinite(label):
        return None
    kind = type(label).__name__
    return str(label) if isinstance(label, float) else f"{kind}, which JSON cannot express"
