"""Reads, in one process, what all of them have counted: the Prometheus exposition, and statistics of requests.

Metrics are encoded as prometheus_client does, but only those samples that have changed since the last time.
"""

import math
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, Final, TypeVar

from prometheus_client import CollectorRegistry, exposition
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from service.errors import OK
from service.monitoring.catalogue import PREFIX
from service.monitoring.exemplars import Exemplars
from service.monitoring.merged_files import UNREADABLE, MergedFiles
from service.protocols.base import Statistics

Reading = TypeVar("Reading")
TRIES: Final = 5
# The formats that Prometheus prefers, in its versions 3 and 2.
ACCEPTED: Final = tuple(
    f"application/openmetrics-text; version=1.0.0{escaping}" for escaping in ("; escaping=allow-utf-8", "")
)
PAUSE_SECONDS: Final = 0.02
MOST_READINGS: Final = 4  # that are kept: callers may ask for any number of versions of a format
Encode = Callable[[Collector], bytes]  # as prometheus_client.exposition.choose_encoder returns


@dataclass
class _Encoded:
    """The samples of a metric, their encoded lines, and the lines that describe the metric (`head`)."""

    samples: list[Sample]
    lines: list[bytes]
    head: list[bytes]


class Families(Collector):
    """A collector of given metrics, because the library encodes only what a collector returns."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Return the metrics."""
        return self._families


class CachedEncoder:
    """Encodes metrics that have one line for each sample, in one format."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._encoded: dict[str, _Encoded] = {}

    def __call__(self, families: Iterable[Metric]) -> bytes:
        """Return the exposition."""
        changed: list[tuple[_Encoded, list[int], Metric]] = []
        encoded = {family.name: self._compare(family, changed) for family in families}
        last = self._update(changed)
        self._encoded = encoded
        parts = [line for each in encoded.values() for line in (*each.head, *each.lines)]
        return b"\n".join((*parts, *last))

    def _compare(self, family: Metric, changed: list[tuple[_Encoded, list[int], Metric]]) -> _Encoded:
        """Return the cache of a metric; add it to `changed`, with the samples to encode, if there are any."""
        samples = list(family.samples)
        known = self._encoded.get(family.name)
        if known is None or len(known.samples) != len(samples):
            known = _Encoded([], [b""] * len(samples), [])
            indexes = list(range(len(samples)))
        else:
            pairs = enumerate(zip(samples, known.samples, strict=True))
            indexes = [index for index, (new, old) in pairs if new is not old and new != old]
        known.samples = samples
        if indexes or not known.head:
            part = Metric(family.name, family.documentation, family.type, family.unit)
            part.samples = [samples[index] for index in indexes]
            changed.append((known, indexes, part))
        return known

    def _update(self, changed: list[tuple[_Encoded, list[int], Metric]]) -> list[bytes]:
        """Encode what has changed; return the lines that end an exposition."""
        lines = self._encode(Families(part for _, _, part in changed)).split(b"\n")
        at = 0
        for known, indexes, _ in changed:
            start = at
            at += 1
            while lines[at].startswith((b"# TYPE ", b"# UNIT ")):
                at += 1
            known.head = lines[start:at]
            for index in indexes:
                known.lines[index] = lines[at]
                at += 1
        return lines[at:]


class Scraper:
    """Reads the metrics of the registry or, if a directory has their files, of all processes.

    `count_unreadable` is told how many files are skipped, before the others are read. The metrics of the collectors in
    `computed` are in no file.
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
        self._files = MergedFiles()
        # For each kind of reading: when the last one began, its result, and its reader with a cache; the newest last.
        self._last: dict[str, tuple[float, Any, Callable[[Iterable[Metric]], Any]]] = {}

    def exposition(self, accept: str, since: float) -> tuple[bytes, str]:
        """Return the exposition, and its content type as negotiated from the Accept header.

        It has everything that was counted before `since` (monotonic clock), and perhaps more.
        """
        try:
            encode, content_type = exposition.choose_encoder(accept)
        except (TypeError, ValueError):  # the header has a malformed version
            encode, content_type = exposition.choose_encoder("")
        if self._directory is None:
            return encode(Families(self._annotated(self._registry.collect(), content_type))), content_type
        encoder = CachedEncoder(encode)

        def read(families: Iterable[Metric]) -> bytes:
            computed = (collector.collect() for collector in self._computed)
            return encoder(self._annotated(chain(families, *computed), content_type))

        return self._shared(content_type, since, read), content_type

    def _annotated(self, families: Iterable[Metric], content_type: str) -> Iterable[Metric]:
        """Return the metrics, with exemplars in OpenMetrics; other formats have none."""
        return self._exemplars.add_to(families) if "openmetrics" in content_type else families

    def prepare(self) -> None:
        """Scrape as Prometheus does, in the master, so that workers inherit caches for a quick first scrape."""
        for accept in ACCEPTED if self._directory else ():
            self.exposition(accept, time.monotonic())

    def statistics(self, since: float) -> Statistics:
        """Return statistics of all prediction requests that were answered before `since` (monotonic clock)."""
        sums = self._shared("statistics", since, _sums)
        return Statistics(
            succeeded=int(sums["request_duration_seconds_count", True]),
            failed=int(sums["request_duration_seconds_count", False]),
            rows=int(sums["rows_total", True]),
            succeeded_seconds=sums["request_duration_seconds_sum", True],
            failed_seconds=sums["request_duration_seconds_sum", False],
        )

    def _shared(self, kind: str, since: float, read: Callable[[Iterable[Metric]], Reading]) -> Reading:
        """Return the last reading if it did not begin before `since`; else read once, for all threads that wait."""
        with self._reading:
            begun, last, reader = self._last.pop(kind, (-math.inf, None, read))
            if begun < since:
                begun, last = time.monotonic(), reader(self._families())
            self._last[kind] = begun, last, reader
            for forgotten in list(self._last)[:-MOST_READINGS]:
                del self._last[forgotten]
        result: Reading = last
        return result

    def _families(self) -> Iterable[Metric]:
        if self._directory is None:
            return self._registry.collect()
        self._count_unreadable(0)
        for tries_left in reversed(range(TRIES)):
            paths = list(self._directory.glob("*.db"))
            try:
                return self._files.collect(paths)
            except UNREADABLE:
                if tries_left:  # while a worker starts, its files are incomplete for a moment
                    time.sleep(PAUSE_SECONDS)
        readable = self._files.readable(paths)
        self._count_unreadable(len(paths) - len(readable))
        return self._files.collect(readable)


def _sums(families: Iterable[Metric]) -> dict[tuple[str, bool], float]:
    """Return sums of samples by their name, and whether their outcome is ok (or they have none)."""
    sums = defaultdict[tuple[str, bool], float](float)
    for each in chain.from_iterable(family.samples for family in families):
        sums[each.name.removeprefix(f"{PREFIX}_"), each.labels.get("outcome", OK) == OK] += each.value
    return sums
