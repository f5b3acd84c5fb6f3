"""What one request asks, and of which model, whatever protocol it came by."""

from dataclasses import dataclass
from typing import Any

from model.prediction import Rows


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answers: its name, version, and the sha256 of its manifest in hex."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True)
class Call:
    """Validated rows of shape (n, features), n ≥ 1, as the model's layout has them; `single` when asked for as one.

    `wanted` is what the protocol keeps of the request to write its answer: the answer's format, an id, chosen outputs.
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
