"""What a request asks, of which model, and what became of all requests: the same for every protocol."""

from dataclasses import dataclass
from typing import Any

from model.prediction import Rows


@dataclass(frozen=True)
class ModelIdentity:
    """A model's name and version, and the sha256 of its manifest in hex."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True)
class Call:
    """Valid rows of shape (n, features), n ≥ 1, in the form that the model takes.

    `single` says that the caller sent one row as such, and not a list. `wanted` is what the protocol's `encode` needs
    to know of the request: the answer's format, an id, the chosen outputs.
    """

    rows: Rows
    single: bool
    wanted: Any = None


@dataclass(frozen=True)
class Statistics:
    """What became of all prediction requests so far: counts, rows predicted, and seconds spent."""

    succeeded: int
    failed: int
    rows: int
    succeeded_seconds: float
    failed_seconds: float
