"""One sample out of what a scrape of the server returns."""

import time

from prometheus_client.parser import text_string_to_metric_families

from service.monitoring.catalogue import PREFIX
from service.monitoring.metrics import Metrics


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return the sum of a metric's series that have some labels, None if there are none; `name` is without prefix."""
    lines = metrics.exposition("", time.monotonic())[0].decode().splitlines(keepends=True)
    text = "".join(line for line in lines if f"{PREFIX}_{name}" in line)  # parsing all of it takes long
    samples = (found for family in text_string_to_metric_families(text) for found in family.samples)
    values = [
        found.value for found in samples if found.name == f"{PREFIX}_{name}" and labels.items() <= found.labels.items()
    ]
    return sum(values) if values else None
