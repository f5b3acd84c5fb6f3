"""Merges the metrics of all processes from their files, with the results of prometheus_client, but faster.

The library parses and merges every series of every file at each scrape. Here, the series are parsed once, and a scrape
is arithmetic on arrays of values.
"""

import json
import math
import os
import struct
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from service.monitoring.metric_files import read_entries

# What reading a file may raise that is half written or corrupt.
UNREADABLE: Final = (OSError, RuntimeError, ValueError, TypeError, AttributeError, struct.error)
# By kind of file: how the values of a series are merged, and the value to begin with.
MERGED: Final[dict[str, tuple[np.ufunc, float]]] = {
    "counter": (np.add, 0.0),
    "histogram": (np.add, 0.0),
    "gauge_livesum": (np.add, 0.0),
    "gauge_livemax": (np.maximum, -np.inf),
}
MOST_LAYOUTS: Final = 8  # that are remembered for each kind of file
MOST_PLANS: Final = 4
_PAGE: Final = 4096
_WORD: Final = 8
Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Series:
    """A series as the files name it; `le` is the upper bound of a bucket, and empty for other series."""

    kind: str
    family: str
    name: str
    labels: Labels
    le: str
    help: str

    @classmethod
    def of(cls, kind: str, key: str) -> "Series":
        """Parse a series' key in a file; raises one of UNREADABLE."""
        family, name, labels, text = json.loads(key)
        le = labels.pop("le", "") if kind == "histogram" else ""
        return cls(kind, family, name, tuple(sorted(labels.items())), le, text)


class Plan:
    """The metrics that a scrape makes of some series, in order; keeps the samples of the last scrape."""

    def __init__(self, series: Sequence[Series], numbers: Iterable[int]) -> None:
        self._families: list[tuple[Metric, slice]] = []
        self._samples: list[Sample] = []
        sources: list[int] = []  # by sample: the number of a series or, above all of these, the index of a bucket
        buckets: list[int] = []  # numbers of the buckets' series, histogram by histogram
        sizes: list[int] = []  # how many buckets each histogram has
        for name, members in _grouped(numbers, lambda number: series[number].family).items():
            start = len(self._samples)
            for labels, same_labels in _grouped(members, lambda number: series[number].labels).items():
                others = [number for number in same_labels if not series[number].le]
                bounded = sorted(set(same_labels) - set(others), key=lambda number: float(series[number].le))
                first = len(series) + len(buckets)
                indexes = list(range(first, first + len(bounded)))
                self._samples += [Sample(series[number].name, dict(labels), math.nan) for number in others]
                self._samples += [_bucket(series[number]) for number in bounded]
                self._samples += [Sample(f"{name}_count", dict(labels), math.nan)] if bounded else []
                sources += [*others, *indexes, *indexes[-1:]]
                buckets += bounded
                sizes.append(len(bounded))
            kind = series[members[0]].kind.partition("_")[0]
            family = Metric(name, series[members[0]].help, kind)
            self._families.append((family, slice(start, len(self._samples))))
        self._sources, self._buckets, self._sizes = (np.array(each, np.intp) for each in (sources, buckets, sizes))
        self.start = np.array([MERGED[each.kind][1] for each in series])
        self._last = np.full(len(self._samples), np.nan)

    def families(self, values: NDArray[np.float64]) -> Iterable[Metric]:
        """Return the metrics for these values of the series; a sample that has not changed is the same object."""
        current = np.concatenate((values, self._cumulated(values)))[self._sources]
        changed = np.flatnonzero(~((current == self._last) | (np.isnan(current) & np.isnan(self._last))))
        for index, value in zip(changed.tolist(), current[changed].tolist(), strict=True):
            self._samples[index] = self._samples[index]._replace(value=value)
        self._last = current
        for family, positions in self._families:
            family.samples = self._samples[positions]
            yield family

    def _cumulated(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the cumulative values of the buckets: each includes those below it in its histogram."""
        running: NDArray[np.float64] = np.concatenate(([0.0], np.cumsum(values[self._buckets])))
        below: NDArray[np.float64] = np.repeat(running[np.cumsum(self._sizes) - self._sizes], self._sizes)
        running[1:] -= below
        return running[1:]


def _grouped(numbers: Iterable[int], key: Callable[[int], Any]) -> dict[Any, list[int]]:
    groups: dict[Any, list[int]] = {}
    for number in numbers:
        groups.setdefault(key(number), []).append(number)
    return groups


def _bucket(series: Series) -> Sample:
    return Sample(series.name, {**dict(series.labels), "le": series.le}, math.nan)


class _Layout:
    """Where in a file of one kind each series is, and how values of this kind are merged.

    Workers have the same series in the same order, so most files share a layout.
    """

    def __init__(self, words: NDArray[np.int64], number: Callable[[str], int], merge: np.ufunc) -> None:
        """Parse the words of a file; `number` numbers a series by its key. Raises one of UNREADABLE."""
        entries = list(read_entries(words.tobytes())) if len(words) else []
        self.numbers = np.array([number(key) for key, _, _, _ in entries], np.intp)
        self._merge = merge
        self._places = np.array([offset // _WORD for _, _, _, offset in entries], np.intp)
        self._rest = self._without_values(words)

    def fits(self, words: NDArray[np.int64]) -> bool:
        """Return whether a file has this layout, that is, differs in its values only."""
        return len(words) == len(self._rest) and np.array_equal(self._without_values(words), self._rest)

    def merge(self, values: NDArray[np.float64], words: NDArray[np.int64]) -> None:
        """Merge the values in a file of this layout into those of all series."""
        values[self.numbers] = self._merge(values[self.numbers], words.view(np.float64)[self._places])

    def _without_values(self, words: NDArray[np.int64]) -> NDArray[np.int64]:
        rest = words.copy()
        rest[self._places] = rest[self._places + 1] = 0  # a timestamp follows each value
        return rest


class MergedFiles:
    """Merges metric files, and remembers their series and layouts."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[str, str], int] = {}  # of series, by kind and key
        self._series: list[Series] = []
        self._known: dict[str, list[_Layout]] = {kind: [] for kind in MERGED}
        self._plan_of = lru_cache(MOST_PLANS)(self._make_plan)

    def collect(self, paths: Iterable[Path]) -> Iterable[Metric]:
        """Return the metrics in these files, in the library's order; raises one of UNREADABLE."""
        files = [self._read(path) for path in paths]
        plan = self._plan_of(tuple(dict.fromkeys(layout for layout, _ in files)))
        values = plan.start.copy()
        for layout, words in files:
            layout.merge(values, words)
        return plan.families(values)

    def readable(self, paths: Iterable[Path]) -> list[Path]:
        """Return the files that can be read."""
        found = []
        for path in paths:
            with suppress(*UNREADABLE):
                self._read(path)
                found.append(path)
        return found

    def _read(self, path: Path) -> tuple[_Layout, NDArray[np.int64]]:
        words = _words(path)
        kind = path.name.rpartition("_")[0]  # the name without the slot; for gauges, it says how to merge them
        if kind not in MERGED:
            raise ValueError(f"{path} holds no kind of metrics that is merged")
        known = self._known[kind]
        for layout in known:
            if layout.fits(words):
                return layout, words
        known.append(_Layout(words, partial(self._number, kind), MERGED[kind][0]))
        del known[:-MOST_LAYOUTS]
        return known[-1], words

    def _number(self, kind: str, key: str) -> int:
        if (kind, key) not in self._numbers:
            self._series.append(Series.of(kind, key))
            self._numbers[kind, key] = len(self._series) - 1
        return self._numbers[kind, key]

    def _make_plan(self, layouts: tuple[_Layout, ...]) -> Plan:
        return Plan(self._series, dict.fromkeys(number for each in layouts for number in each.numbers.tolist()))


def _words(path: Path) -> NDArray[np.int64]:
    """Read the content of a file as words of eight bytes; raises one of UNREADABLE."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        content = os.read(descriptor, _PAGE)
        (used,) = struct.unpack_from("i", content)
        content += os.read(descriptor, max(0, used - _PAGE))
    finally:
        os.close(descriptor)
    if used % _WORD:
        raise RuntimeError(f"{path} is corrupt: {used} bytes are said to be in use")
    return np.frombuffer(content, np.int64, used // _WORD)
