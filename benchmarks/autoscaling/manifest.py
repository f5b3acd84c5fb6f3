"""The autoscaler and the pod of deploy/kubernetes/base, read from the manifests themselves."""

from pathlib import Path
from typing import Any

import yaml

from benchmarks.autoscaling.hpa import DOWN_POLICIES, UP_POLICIES, Policy, Rules, Spec
from benchmarks.contestants import ROOT

BASE = ROOT / "deploy/kubernetes/base"
_WINDOWS = {"scaleUp": 0, "scaleDown": 300}


def autoscaler(path: Path = BASE / "hpa.yaml") -> Spec:
    """Return the specification of the HorizontalPodAutoscaler in a file."""
    spec = yaml.safe_load(path.read_text())["spec"]
    behavior = spec.get("behavior", {})
    return Spec(
        least=spec.get("minReplicas", 1),
        most=spec["maxReplicas"],
        target=spec["metrics"][0]["resource"]["target"]["averageUtilization"],
        up=_rules(behavior, "scaleUp", UP_POLICIES),
        down=_rules(behavior, "scaleDown", DOWN_POLICIES),
    )


def cpus(path: Path = BASE / "deployment.yaml") -> int:
    """Return how many CPUs, and so workers, each pod has."""
    (container,) = yaml.safe_load(path.read_text())["spec"]["template"]["spec"]["containers"]
    return int(container["resources"]["requests"]["cpu"])


def _rules(behavior: dict[str, Any], direction: str, policies: tuple[Policy, ...]) -> Rules:
    found = behavior.get(direction, {})
    given = tuple(Policy(each["type"], each["value"], each["periodSeconds"]) for each in found.get("policies", ()))
    window = found.get("stabilizationWindowSeconds", _WINDOWS[direction])
    return Rules(window, given or policies, found.get("selectPolicy", "Max"))
