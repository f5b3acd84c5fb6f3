"""Samples out of what a scrape of the server returns."""

import time

from prometheus_client.parser import text_string_to_metric_families

from service.monitoring.catalogue import PREFIX
from service.monitoring.metrics import Metrics


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return the sum of a metric's series that have some labels, None if there are none; `name` is without prefix."""
    values = [value for found, value in samples(metrics, name) if labels.items() <= found.items()]
    return sum(values) if values else None


def samples(metrics: Metrics, name: str) -> list[tuple[dict[str, str], float]]:
    """Return the labels and values of a metric's series, of one scrape."""
    lines = metrics.exposition("", time.monotonic())[0].decode().splitlines(keepends=True)
    text = "".join(line for line in lines if f"{PREFIX}_{name}" in line)  # parsing all of it takes long
    found = (each for family in text_string_to_metric_families(text) for each in family.samples)
    return [(each.labels, each.value) for each in found if each.name == f"{PREFIX}_{name}"]
