"""One sample out of what a scrape of the server returns."""

import time

from prometheus_client.parser import text_string_to_metric_families

from service.monitoring.catalogue import PREFIX
from service.monitoring.metrics import Metrics


def sample(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Return the value of a series, None if there is none; `name` is without the prefix."""
    text = metrics.exposition("", time.monotonic())[0].decode()
    samples = (found for family in text_string_to_metric_families(text) for found in family.samples)
    return next((found.value for found in samples if (found.name, found.labels) == (f"{PREFIX}_{name}", labels)), None)
