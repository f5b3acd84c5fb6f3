"""A day of a deployment, second by second: load, pods that come and go, what the metrics server tells, the autoscaler.

The load spreads evenly. A pod answers up to what it can at most, and refuses the rest at once, as the server does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from benchmarks.autoscaling.hpa import Autoscaler, PodMetric, Spec


@dataclass(frozen=True)
class Delays:
    """Seconds: from a pod's creation until it serves, and what Kubernetes takes by default.

    The metrics server asks each kubelet every `window` seconds, and has a pod's use after the second time; the
    controller looks every `sync` seconds, in the worst case just before the next answer.
    """

    start: float
    sync: int = 15
    window: int = 15
    lag: int = 14


@dataclass(frozen=True)
class Curve:
    """A pod: the most requests/s that it answers, and the share of its CPU that it uses at seven tenths of that.

    A server with time to spare does less in one go, so that a request costs it more.
    """

    full: float
    used: float = 0.7

    def use(self, rate: float) -> float:
        """Return the share of its CPU that it uses at a rate."""
        share = min(1.0, rate / self.full)
        return share / 0.7 * self.used if share <= 0.7 else self.used + (share - 0.7) / 0.3 * (1 - self.used)


@dataclass(frozen=True)
class Run:
    """What each second saw: requests/s, pods that serve, pods that are paid; and the most that one pod can do."""

    load: Sequence[float]
    serving: list[int]
    paid: list[int]
    full: float

    @property
    def overloaded(self) -> int:
        """Return the seconds in which more came than the pods could answer at all."""
        return sum(load > pods * self.full for load, pods in zip(self.load, self.serving, strict=True))

    @property
    def refused(self) -> float:
        """Return the share of the requests that was refused, exactly: `sum` rounds otherwise since Python 3.12."""
        pairs = zip(self.load, self.serving, strict=True)
        return math.fsum(max(0.0, load - pods * self.full) for load, pods in pairs) / math.fsum(self.load)

    def strained(self, comfortable: float) -> int:
        """Return the seconds in which a pod had more to do than `comfortable`, the rate at which its p99 is kept."""
        return sum(load > pods * comfortable for load, pods in zip(self.load, self.serving, strict=True))

    @property
    def pod_hours(self) -> float:
        """Return what is paid for."""
        return sum(self.paid) / 3600

    def oscillation(self, span: int = 1800, steady: float = 0.05) -> int:
        """Return by how many pods the autoscaler ever went one way and back within a span whose load was steady.

        A load is steady if it stays within that share of its mean. Looked at each minute.
        """
        most = 0
        for start in range(0, len(self.load) - span, 60):
            loads = self.load[start : start + span : 15]
            mean = sum(loads) / len(loads)
            if max(loads) <= mean * (1 + steady) and min(loads) >= mean * (1 - steady):
                pods = self.paid[start : start + span : 15]
                steps = [after - before for before, after in pairwise(pods)]
                most = max(most, min(sum(step for step in steps if step > 0), -sum(step for step in steps if step < 0)))
        return most


@dataclass
class _Pods:
    """The moments at which each pod was created, oldest first; the newest goes first, as a ReplicaSet has it."""

    start: float
    created: list[float] = field(default_factory=list)

    def resize(self, now: float, size: int) -> None:
        self.created = self.created[:size] + [now] * (size - len(self.created))

    def serving(self, now: float) -> int:
        return sum(now >= each + self.start for each in self.created)

    def metrics(self, scraped: float, use: float, window: int) -> list[PodMetric]:
        return [self._metric(each, scraped, use, window) for each in self.created]

    def _metric(self, created: float, scraped: float, use: float, window: int) -> PodMetric:
        if scraped < created + window:
            return PodMetric(None)  # asked once at most: there is no rate yet
        return PodMetric(use, unready=scraped < created + self.start + window)


def simulate(load: Sequence[float], pod: Curve, spec: Spec, delays: Delays, pods: int | None = None) -> Run:
    """Run the autoscaler on requests/s by second, from a number of pods on, by default enough of them."""
    settled = math.ceil(load[0] / (pod.full * spec.target / 100))
    first = pods or min(max(settled, spec.least), spec.most)
    autoscaler, fleet = Autoscaler(spec), _Pods(delays.start, [-3600.0] * first)
    serving, paid, uses = [], [], [pod.use(load[0] / first)] * (delays.window + delays.lag)
    for now, rate in enumerate(load):
        if now % delays.sync == 0:
            scraped = now - delays.lag
            seen = uses[len(uses) - delays.lag - delays.window : len(uses) - delays.lag]
            metrics = fleet.metrics(scraped, sum(seen) / delays.window, delays.window)
            fleet.resize(now, autoscaler.sync(now, len(fleet.created), metrics))
        ready = fleet.serving(now)
        serving.append(ready)
        paid.append(len(fleet.created))
        uses.append(pod.use(rate / ready) if ready else 1.0)
    return Run(load, serving, paid, pod.full)
