"""What is read about the processes of the server at each scrape, and kept nowhere."""

from collections.abc import Iterable

from prometheus_client import Counter
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from service.monitoring.catalogue import CATALOGUE, DRIFT, PREFIX


class ProcessMetrics:
    """Collects the metrics that the catalogue has as read at the scrape."""

    def collect(self) -> Iterable[Metric]:
        """Return them."""
        for item in CATALOGUE:
            if item.at_scrape and item not in DRIFT:
                kind = CounterMetricFamily if item.kind is Counter else GaugeMetricFamily
                yield kind(f"{PREFIX}_{item.name}", item.help, labels=item.labels)
