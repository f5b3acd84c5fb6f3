"""The day of a real web site under the autoscaler of deploy/kubernetes, with the capacity that was measured."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.autoscaling import cluster, hpa, manifest, trace
from benchmarks.capacity.figures import Day, Figures, Replica
from benchmarks.capacity.plan import fixed_pods

PEAK = 10_000
# Assumed, not measured here: until a container runs on a node that has the image; until a new node does. Then the
# server starts, which was measured, and the startup probe asks each second.
CONTAINER, NODE, PROBE = 5.0, 120.0, 1.0
# Far more than any of these days needs.
_UNBOUNDED = 200


@dataclass(frozen=True)
class Scenario:
    """What differs from the manifest and a node that has the image."""

    case: str
    rows: int
    faster: int = 1
    wait: float = CONTAINER
    target: int | None = None
    most: int | None = None


DRAWN = Scenario("boosting", 100)
SCENARIOS = (
    Scenario("logistic", 1),
    DRAWN,
    replace(DRAWN, wait=NODE),
    replace(DRAWN, faster=10),
    replace(DRAWN, faster=10, wait=NODE),
    replace(DRAWN, faster=10, wait=NODE, target=50),
    Scenario("forest", 1000),
    Scenario("forest", 1000, most=_UNBOUNDED),
)


def simulated(figures: Figures, scenario: Scenario) -> tuple[Replica, float, hpa.Spec, cluster.Run]:
    """Run one day; returns also the replica that was measured, the seconds until a pod serves, and the autoscaler."""
    replica = figures.replica(scenario.case, scenario.rows)
    spec = manifest.autoscaler()
    spec = replace(spec, target=scenario.target or spec.target, most=scenario.most or spec.most)
    start = scenario.wait + figures.start + PROBE
    load = trace.worldcup98().scaled(PEAK).faster(scenario.faster)
    curve = cluster.Curve(replica.full * manifest.cpus(), replica.cpu)
    return replica, start, spec, cluster.simulate(load, curve, spec, cluster.Delays(start))


def day(figures: Figures, scenario: Scenario) -> Day:
    """Return what came of one day."""
    replica, start, spec, run = simulated(figures, scenario)
    cpus = manifest.cpus()
    knee = replica.knee * cpus
    return Day(
        f"{replica.title}, {replica.rows:,} {'row' if replica.rows == 1 else 'rows'}",
        run.full,
        knee,
        start,
        scenario.faster,
        spec.target,
        spec.most,
        (min(run.paid), max(run.paid)),
        run.overloaded,
        run.refused,
        run.strained(knee),
        run.oscillation(),
        run.pod_hours,
        fixed_pods(PEAK, run.full),
    )


def days(figures: Figures) -> Iterator[Day]:
    """Return what came of each day."""
    return (day(figures, each) for each in SCENARIOS)


def write_series(figures: Figures, path: Path) -> None:
    """Write what the picture shows: one number for each quarter of a minute."""
    replica, _, spec, run = simulated(figures, DRAWN)
    series = {
        "title": f"{replica.title}, {replica.rows} rows a request",
        "start": trace.worldcup98().start,
        "step": 15,
        "load": list(run.load[::15]),
        "serving": run.serving[::15],
        "full": run.full,
        "knee": replica.knee * manifest.cpus(),
        "target": spec.target,
        "fixed": fixed_pods(PEAK, run.full),
    }
    path.write_text(json.dumps(series))
