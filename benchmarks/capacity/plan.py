"""From what one replica does to how many are needed, and what they cost."""

import math
from dataclasses import dataclass

from benchmarks.capacity.figures import PLANNED

ZONES = 3


@dataclass(frozen=True)
class Price:
    """What an instance of two virtual CPUs costs: US dollars an hour, on demand, and where that stands."""

    instance: str
    region: str
    hourly: float
    source: str


_KARPENTER = "https://github.com/{}/blob/{}/pkg/providers/pricing/{}"
_AWS = _KARPENTER.format(
    "aws/karpenter-provider-aws", "031e72b6099630e960dacb88b48a7e9bb780945f", "zz_generated.pricing_aws.go"
)
_AZURE = _KARPENTER.format(
    "Azure/karpenter-provider-azure", "0499866a0874e27363395146ad4ecf5dac208e6d", "zz_generated.pricing.go"
)
PRICES = (
    Price("AWS c7i.large", "us-east-1", 0.08925, f"[AWS's price list of 2026-01-19, in Karpenter]({_AWS})"),
    Price("AWS c7a.large", "us-east-1", 0.10264, "the same"),
    Price("AWS c7g.large (arm64)", "us-east-1", 0.0725, "the same"),
    Price("Azure F2s v2", "East US", 0.0846, f"[Azure's price list, undated, in Karpenter]({_AZURE})"),
)


def fixed_pods(rate: float, full: float) -> int:
    """Return how many pods of `full` requests/s keep the headroom at a rate; two at least."""
    return max(2, math.ceil(rate / (PLANNED * full)))


def pods(rate: float, full: float, knee: float) -> int:
    """Return how many pods keep the headroom with one of them gone, and the p99 with a whole zone gone.

    A zone has at most its share of the pods, rounded up (topologySpreadConstraints, maxSkew 1).
    """
    count = max(2, math.ceil(rate / (PLANNED * full)) + 1)
    while (count - math.ceil(count / ZONES)) * knee < rate:
        count += 1
    return count


def cost_of_a_million(hourly: float, full: float) -> float:
    """Return what a million requests cost on pods that are paid by the hour and used as planned."""
    return hourly / (PLANNED * full * 3600) * 1e6
