"""What all processes have counted, read in one of them: Prometheus' exposition, and statistics of requests."""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from service.errors import OK
from service.monitoring.catalogue import PREFIX
from service.monitoring.exemplars import Exemplars
from service.monitoring.metric_files import UNREADABLE, Files
from service.protocols.base import Statistics

Found = TypeVar("Found")
Encode = Callable[[CollectorRegistry], bytes]
TRIES: Final = 5
PAUSE_SECONDS: Final = 0.02


class Scraper:
    """Reads metrics: those of the registry, or of all processes where a directory has their files.

    `count_unreadable` is told how many files are left out before the others are read. `computed` is kept in no file.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        directory: Path | None,
        count_unreadable: Callable[[int], None],
        computed: tuple[Collector, ...],
        exemplars: Exemplars,
    ) -> None:
        self._registry, self._directory, self._count_unreadable = registry, directory, count_unreadable
        self._computed, self._exemplars = computed, exemplars
        for collector in self._computed if directory is None else ():
            registry.register(collector)
        self._reading = threading.Lock()
        self._last: dict[str, tuple[float, Any]] = {}  # what was read last, and when that was begun

    def exposition(self, accept: str, since: float) -> tuple[bytes, str]:
        """Return the exposition, and its content type as negotiated from the Accept header.

        It has everything that was counted before `since` (monotonic clock), and perhaps more.
        """
        try:
            encode, content_type = exposition.choose_encoder(accept)
        except (TypeError, ValueError):  # the header has a malformed version
            encode, content_type = exposition.choose_encoder("")
        return self._shared(content_type, since, self._annotated(encode, content_type)), content_type

    def _annotated(self, encode: Encode, content_type: str) -> Encode:
        """Return what adds exemplars, which only OpenMetrics has, before it encodes."""
        if "openmetrics" not in content_type:
            return encode
        return lambda registry: encode(_Annotated(registry, self._exemplars))

    def statistics(self, since: float) -> Statistics:
        """Return what became of all prediction requests before `since` (monotonic clock)."""
        found = self._shared("statistics", since, _samples)
        sums: dict[tuple[str, bool], float] = {}
        for name, succeeded, value in found:
            sums[name, succeeded] = sums.get((name, succeeded), 0.0) + value
        return Statistics(
            succeeded=int(sums["request_duration_seconds_count", True]),
            failed=int(sums["request_duration_seconds_count", False]),
            rows=int(sums["rows_total", True]),
            succeeded_seconds=sums["request_duration_seconds_sum", True],
            failed_seconds=sums["request_duration_seconds_sum", False],
        )

    def _shared(self, what: str, since: float, read: Callable[[CollectorRegistry], Found]) -> Found:
        """Return the last reading if it was begun late enough; else read now, once for all threads that wait."""
        with self._reading:
            if what not in self._last or self._last[what][0] < since:
                self._last[what] = time.monotonic(), self._read(read)
            found: Found = self._last[what][1]
        return found

    def _read(self, read: Callable[[CollectorRegistry], Found]) -> Found:
        if self._directory is None:
            return read(self._registry)
        for tries_left in reversed(range(TRIES)):
            files = Files(self._directory.glob("*.db"))
            try:
                return self._merged(files, 0, read)
            except UNREADABLE:
                if tries_left:  # a worker that starts leaves a file half made for a moment
                    time.sleep(PAUSE_SECONDS)
        readable = files.readable()
        return self._merged(readable, len(files.paths) - len(readable.paths), read)

    def _merged(self, files: Files, left_out: int, read: Callable[[CollectorRegistry], Found]) -> Found:
        self._count_unreadable(left_out)
        registry = CollectorRegistry(support_collectors_without_names=True)
        registry.register(files)
        for collector in self._computed:
            registry.register(collector)
        return read(registry)


class _Annotated(CollectorRegistry):
    """A registry with exemplars."""

    def __init__(self, registry: CollectorRegistry, exemplars: Exemplars) -> None:
        super().__init__(support_collectors_without_names=True)
        self._registry, self._exemplars = registry, exemplars

    def collect(self) -> Iterable[Metric]:
        """Return its metrics."""
        return self._exemplars.add_to(self._registry.collect())


def _samples(registry: CollectorRegistry) -> list[tuple[str, bool, float]]:
    """Return each sample's name, whether it is of what succeeded (as all without an outcome), and its value."""
    samples = (sample for family in registry.collect() for sample in family.samples)
    return [
        (each.name.removeprefix(f"{PREFIX}_"), each.labels.get("outcome", OK) == OK, each.value) for each in samples
    ]
