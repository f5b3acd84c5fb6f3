"""The drift report as metrics, computed at each scrape for all workers."""

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from service.drift.reference import BINS, LONGEST
from service.drift.report import Bin, FeatureDrift, Report
from service.monitoring.catalogue import DRIFT, PREFIX

# A metric's name without prefix and `drift_`, its labels' values, and its value; None if that is unknown.
Sample = tuple[str, tuple[str, ...], float | None]


Reports = Callable[[], Report] | None
_UNKNOWN: Final = Bin(None, None, None, None, None)


class DriftMetrics:
    """Collects the metrics of drift; without a report they have no series."""

    def __init__(self, report: Reports) -> None:
        self._report = report

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        families = {
            item.name: GaugeMetricFamily(f"{PREFIX}_{item.name}", item.help, labels=item.labels) for item in DRIFT
        }
        values: dict[tuple[str, tuple[str, ...]], float | None] = {}
        for name, labels, value in () if self._report is None else _samples(self._report()):
            values.setdefault((name, labels), value)
        for (name, labels), value in values.items():
            families[f"drift_{name}"].add_metric(labels, math.nan if value is None else value)
        return families.values()


def _samples(report: Report) -> Iterator[Sample]:
    yield "window_rows", (), report.window.rows
    yield "least_rows", (), report.window.least_rows
    for feature in report.features:
        yield from _of_feature((feature.name[:LONGEST],), feature)
    yield "prediction_psi", (), report.prediction.psi
    for each in report.prediction.classes:
        yield "class_ratio", (str(each.value),), each.window
        yield "training_class_ratio", (str(each.value),), each.training
    yield "score_psi", (), report.score.psi
    for number, score_bin in enumerate(report.score.bins or (_UNKNOWN,) * BINS, 1):
        yield "score_ratio", (str(number),), score_bin.window
        yield "training_score_ratio", (str(number),), score_bin.training


def _of_feature(label: tuple[str], feature: FeatureDrift) -> Iterator[Sample]:
    yield "feature_psi", label, feature.psi
    yield "feature_missing_ratio", label, feature.missing_ratio
    yield "feature_training_missing_ratio", label, feature.training_missing_ratio
    yield "feature_unseen_ratio", label, feature.unseen_ratio
    yield "feature_out_of_range_ratio", label, feature.out_of_range_ratio
