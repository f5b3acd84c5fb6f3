"""The exemplars of the latency histogram in OpenMetrics: each bucket leads to the trace of its last request.

prometheus_client loses its own exemplars if processes share metrics. These stand in memory that all workers share, as
it is mapped before the forks. Two workers may write the same exemplar at once: a checksum tells which are whole.
"""

import mmap
import zlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import product
from struct import Struct
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Exemplar, Sample

from service.errors import status_class
from service.monitoring.catalogue import OUTCOMES, PREFIX, SECONDS
from service.tracing.context import Trace

NAME: Final = f"{PREFIX}_request_duration_seconds"
_CONTENT: Final = Struct("<dd32s16s")  # Unix seconds, the value, trace id and span id in hex
_CHECK: Final = Struct("<I")
_SIZE: Final = _CONTENT.size + _CHECK.size
_BUCKETS: Final = len(SECONDS) + 1


class Exemplars:
    """Keeps the last exemplar of each bucket; made in the master, and written by its workers."""

    def __init__(self, protocols: Iterable[str]) -> None:
        pairs = product(protocols, OUTCOMES.values())
        self._first = {pair: index * _BUCKETS for index, pair in enumerate(pairs)}
        self._memory = mmap.mmap(-1, len(self._first) * _BUCKETS * _SIZE or 1)

    def note(self, protocol: str, code: str, seconds: float, trace: Trace, at: float) -> None:
        """Keep the trace of a request that ended at this time (Unix seconds)."""
        index = self._first[protocol, OUTCOMES[status_class(code)]] + bisect_left(SECONDS, seconds)
        content = _CONTENT.pack(at, seconds, trace.trace_id.encode(), trace.span_id.encode())
        self._memory[index * _SIZE : (index + 1) * _SIZE] = content + _CHECK.pack(zlib.crc32(content))

    def add_to(self, metrics: Iterable[Metric]) -> Iterator[Metric]:
        """Return metrics with exemplars on the buckets that have some."""
        for metric in metrics:
            if metric.name == NAME:
                metric.samples = [self._with_exemplar(sample) for sample in metric.samples]
            yield metric

    def _with_exemplar(self, sample: Sample) -> Sample:
        labels = sample.labels
        first = self._first.get((labels["protocol"], labels["outcome"]))
        if first is None or "le" not in labels:
            return sample
        index = first + bisect_left(SECONDS, float(labels["le"]))
        record = self._memory[index * _SIZE : (index + 1) * _SIZE]
        content, (check,) = record[: _CONTENT.size], _CHECK.unpack_from(record, _CONTENT.size)
        at, value, trace_id, span_id = _CONTENT.unpack(content)
        if not at or zlib.crc32(content) != check:
            return sample
        ids = {"trace_id": trace_id.decode(), "span_id": span_id.decode()}
        return sample._replace(exemplar=Exemplar(ids, value, at))
