"""What was measured, as benchmarks/capacity.json keeps it and docs/scale.md shows it."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

# The share of what a replica can do at most that is planned for, as the autoscaler's target has it.
PLANNED = 0.7
# What the knee is: the most of these shares at which 99 of 100 requests are answered in BOUND milliseconds.
SHARES = (0.95, 0.9, 0.85, 0.8, 0.75, PLANNED, 0.6, 0.5, 0.4)
BOUND = 50.0


@dataclass(frozen=True)
class Replica:
    """One worker on one core: requests/s at most and at the knee, and what was seen at the planned share of the most.

    `cpu` is the share of the core that its processes used there; `sent`, `received`, `logged` are bytes of a request.
    `foreign` is how many of the two cores other programs took meanwhile, as far as it was looked at.
    """

    case: str
    title: str
    rows: int
    full: float
    knee: float
    knee_p99: float
    p50: float
    p99: float
    cpu: float
    failed: int
    sent: float
    received: float
    logged: float
    foreign: float | None = None


@dataclass(frozen=True)
class Proxy:
    """What a request costs a proxy: seconds of a core, and the requests/s at which that was seen."""

    title: str
    seconds: float
    rate: float
    failed: int


@dataclass(frozen=True)
class Pair:
    """Requests/s of one replica and of two, behind a proxy, a core for each; cores that proxy and load used beside."""

    title: str
    proxy: str
    one: float
    two: float
    beside: float
    failed: int


@dataclass(frozen=True)
class Scrape:
    """Of one replica: series, bytes and seconds of a scrape; bytes of Prometheus' memory for each series."""

    series: int
    size: int
    seconds: float
    memory: float


@dataclass(frozen=True)
class Day:
    """A simulated day: what was assumed, and what came of it; rates are of a pod, times are seconds."""

    title: str
    full: float
    knee: float
    start: float
    faster: int
    target: int
    most: int
    pods: tuple[int, int]
    overloaded: int
    refused: float
    strained: int
    oscillation: int
    pod_hours: float
    fixed: int


@dataclass
class Figures:
    """Everything, and on what; `start` is the seconds from a server's start to its first answer."""

    facts: dict[str, str]
    start: float = 0.0
    replicas: list[Replica] = field(default_factory=list)
    proxies: list[Proxy] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    scrape: Scrape | None = None
    days: list[Day] = field(default_factory=list)

    def replica(self, case: str, rows: int) -> Replica:
        """Return one of the replicas."""
        return next(each for each in self.replicas if (each.case, each.rows) == (case, rows))

    def write(self, path: Path) -> None:
        """Write the file."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n")


def read(path: Path) -> Figures:
    """Read the file."""
    found: dict[str, Any] = json.loads(path.read_text())
    return Figures(
        found["facts"],
        found["start"],
        [Replica(**each) for each in found["replicas"]],
        [Proxy(**each) for each in found["proxies"]],
        [Pair(**each) for each in found["pairs"]],
        Scrape(**found["scrape"]),
        [Day(**{**each, "pods": tuple(each["pods"])}) for each in found["days"]],
    )
