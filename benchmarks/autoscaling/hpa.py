"""How many replicas Kubernetes' HorizontalPodAutoscaler (autoscaling/v2, of CPU utilisation) would want.

The steps and their order are those of pkg/controller/podautoscaler (replica_calculator.go, horizontal.go): the ratio of
use to target, tolerance, pods without metrics, stabilisation windows, scaling policies, bounds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Policy:
    """By how much the replicas may change within `period` seconds: a number of pods, or a percentage of them."""

    kind: Literal["Pods", "Percent"]
    value: int
    period: int


# What Kubernetes takes for a direction that names no policies.
UP_POLICIES = (Policy("Percent", 100, 15), Policy("Pods", 4, 15))
DOWN_POLICIES = (Policy("Percent", 100, 15),)


@dataclass(frozen=True)
class Rules:
    """One direction: the stabilisation window in seconds, and the policies, of which `select` chooses."""

    window: int
    policies: tuple[Policy, ...]
    select: Literal["Max", "Min", "Disabled"] = "Max"


@dataclass(frozen=True)
class Spec:
    """The autoscaler's specification; `target` is a percentage of the CPU that a pod requests."""

    least: int
    most: int
    target: int
    up: Rules = Rules(0, UP_POLICIES)
    down: Rules = Rules(300, DOWN_POLICIES)
    tolerance: float = 0.1


@dataclass(frozen=True)
class PodMetric:
    """What the autoscaler knows of a pod: its use of the CPU that it requests, if known; whether its use counts yet."""

    use: float | None
    unready: bool = False


def recommend(current: int, pods: Sequence[PodMetric], spec: Spec) -> int:
    """Return how many replicas the metrics ask for, before windows, policies and bounds."""
    counted = [pod.use for pod in pods if pod.use is not None and not pod.unready]
    missing = sum(pod.use is None and not pod.unready for pod in pods)
    unready = sum(pod.unready for pod in pods)
    if not counted:
        return current
    ratio = _ratio(counted, spec)
    grows_beside_unready = unready > 0 and ratio > 1
    if not grows_beside_unready and not missing:
        return current if _tolerated(ratio, spec) else math.ceil(ratio * len(counted))
    # The cautious guess: a pod that says nothing is taken for full before pods go, and for idle before pods come.
    guess = max(100, spec.target) / 100 if ratio < 1 else 0.0
    counted += [guess] * (missing if ratio != 1 else 0) + [0.0] * (unready if grows_beside_unready else 0)
    again = _ratio(counted, spec)
    wanted = math.ceil(again * len(counted))
    turned = (ratio < 1 < again) or (again < 1 < ratio) or (again < 1 and wanted > current)
    if _tolerated(again, spec) or turned or (again > 1 and wanted < current):
        return current
    return wanted


def _ratio(uses: Sequence[float], spec: Spec) -> float:
    """Return use over target; the controller computes it from whole percents."""
    return int(round(sum(uses) * 100, 6) / len(uses)) / spec.target


def _tolerated(ratio: float, spec: Spec) -> bool:
    return 1 - spec.tolerance <= ratio <= 1 + spec.tolerance


@dataclass
class Autoscaler:
    """The controller's memory: what it recommended, and what it changed; times in seconds."""

    spec: Spec
    _recommended: list[tuple[float, int]] = field(default_factory=list)
    _changes: list[tuple[float, int]] = field(default_factory=list)

    def sync(self, now: float, current: int, pods: Sequence[PodMetric]) -> int:
        """Return the replicas from now on; to be called each 15 seconds, the controller's default."""
        spec = self.spec
        if not spec.least <= current <= spec.most:
            return self._changed(now, current, min(max(current, spec.least), spec.most))
        self._recommended = self._recommended or [(now, current)]
        wanted = self._stabilise(now, current, recommend(current, pods, spec))
        if wanted > current:
            wanted = min(wanted, spec.most, max(self._up_limit(now, current), current))
        elif wanted < current:
            wanted = max(wanted, spec.least, min(self._down_limit(now, current), current))
        return self._changed(now, current, min(max(wanted, spec.least), spec.most))

    def _stabilise(self, now: float, current: int, wanted: int) -> int:
        """Return the least change that the recommendations of each direction's window agree on."""
        longest = max(self.spec.up.window, self.spec.down.window)
        self._recommended = [each for each in self._recommended if each[0] > now - longest]
        up = min([wanted, *(size for time, size in self._recommended if time > now - self.spec.up.window)])
        down = max([wanted, *(size for time, size in self._recommended if time > now - self.spec.down.window)])
        self._recommended.append((now, wanted))
        return min(max(current, up), down)

    def _up_limit(self, now: float, current: int) -> int:
        rules = self.spec.up
        if rules.select == "Disabled":
            return current
        limits = []
        for policy in rules.policies:
            start = current - sum(self._steps(now, policy.period, 1))
            limits.append(start + policy.value if policy.kind == "Pods" else _raised(start, policy.value))
        return min(limits) if rules.select == "Min" else max(limits)

    def _down_limit(self, now: float, current: int) -> int:
        rules = self.spec.down
        if rules.select == "Disabled":
            return current
        limits = []
        for policy in rules.policies:
            start = current + sum(self._steps(now, policy.period, -1))
            limits.append(start - policy.value if policy.kind == "Pods" else start * (100 - policy.value) // 100)
        return max(limits) if rules.select == "Min" else min(limits)

    def _steps(self, now: float, period: int, sign: int) -> list[int]:
        """Return by how much each change of that direction within the period changed the replicas."""
        return [step * sign for time, step in self._changes if time > now - period and step * sign > 0]

    def _changed(self, now: float, current: int, wanted: int) -> int:
        longest = max((policy.period for policy in (*self.spec.up.policies, *self.spec.down.policies)), default=0)
        self._changes = [each for each in self._changes if each[0] > now - longest]
        if wanted != current:
            self._changes.append((now, wanted - current))
        return wanted


def _raised(size: int, percent: int) -> int:
    """Return the size and so many percent more, rounded up, for otherwise a small one could never grow."""
    return -(-size * (100 + percent) // 100)
