"""What a run found, as plain records: kept as JSON between measuring, the tables and the chart."""

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One column of measurements: how many rows a request has, on how many connections."""

    key: str
    title: str
    connections: int
    many: bool


CELLS = (
    Cell("one16", "one row, 16 connections", 16, many=False),
    Cell("one1", "one row, 1 connection", 1, many=False),
    Cell("batch2", "1,000 rows, 2 connections", 2, many=True),
)


@dataclass(frozen=True)
class Measurement:
    """One load: requests per second, milliseconds, failed requests, and the cores that other programs used."""

    round: int
    case: str
    contestant: str
    cell: str
    rate: float
    p50: float
    p99: float
    failed: int
    foreign: float


@dataclass(frozen=True)
class Start:
    """Seconds from exec to the first 200."""

    contestant: str
    seconds: float


@dataclass(frozen=True)
class Weight:
    """Bytes of a server with some workers, shared pages counted once."""

    contestant: str
    workers: int
    bytes: int


@dataclass(frozen=True)
class BigForest:
    """A forest's bytes in a process of its own, and the server's: before load, and after requests and collections."""

    model: int
    workers: int
    before: int
    after: int
    requests: int
    collections: int


@dataclass
class Results:
    """Everything of a run; `failures` say why a server was not measured, `unweighed` why its memory was not."""

    facts: dict[str, str] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    weights: list[Weight] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    forest: BigForest | None = None
    unweighed: dict[str, str] = field(default_factory=dict)

    def values(self, contestant: str, case: str, cell: str, what: str = "rate") -> list[float]:
        """Return one number of each round, in the order of the rounds."""
        found = [
            each for each in self.measurements if (each.contestant, each.case, each.cell) == (contestant, case, cell)
        ]
        return [getattr(each, what) for each in sorted(found, key=lambda each: each.round)]

    def write(self, path: Path) -> None:
        """Keep the results as JSON."""
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1))

    @classmethod
    def read(cls, path: Path) -> "Results":
        """Return what was kept."""
        said: dict[str, Any] = json.loads(path.read_text())
        return cls(
            said["facts"],
            [Measurement(**each) for each in said["measurements"]],
            [Start(**each) for each in said["starts"]],
            [Weight(**each) for each in said["weights"]],
            said["failures"],
            BigForest(**said["forest"]) if said["forest"] else None,
            said["unweighed"],
        )
