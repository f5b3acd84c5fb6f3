"""Encodes metrics as prometheus_client does, but only those samples that have changed since the last time."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

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
