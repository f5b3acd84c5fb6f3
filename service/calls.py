"""What one request asks, and of which model, whatever protocol it came by."""

from dataclasses import dataclass

from model.engines import Rows


@dataclass(frozen=True)
class ModelIdentity:
    """Which model answers: its name, version, and the sha256 of its manifest in hex."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True)
class Call:
    """Validated rows of shape (n, features), n ≥ 1, as the model's layout has them; `single` when asked for as one."""

    rows: Rows
    single: bool
