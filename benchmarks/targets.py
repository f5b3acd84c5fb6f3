"""The ratios that the project aims for, each judged on what was measured."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

from benchmarks.contestants import CONTESTANTS, FLASK, OURS
from benchmarks.models import CASES, WIDE
from benchmarks.results import CELLS, Results
from benchmarks.wire import BINARY, FORMATS, PLAIN

FASTAPI = "FastAPI + uvicorn"
MB = 1e6
# The smallest accepted ratio to the plain FastAPI app for one row, and to the best peer for 1,000 rows.
_RATIOS = {"logistic": (1.8, 1.5), "forest": (25.0, 3.5), "boosting": (4.5, 1.8)}


@dataclass(frozen=True)
class Verdict:
    """One target: in words, what was measured, and whether it was met."""

    target: str
    measured: str
    met: bool


@dataclass(frozen=True)
class Ratio:
    """The median of the rounds' ratios, with the smallest and the largest."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        """Return it as the results show it."""
        return f"{self.median:.2f}x ({self.low:.2f} to {self.high:.2f})"


def ratio(results: Results, other: str, case: str, cell: str) -> Ratio | None:
    """Return our requests per second over another's, round by round; None where either was not measured."""
    mine, theirs = (results.values(name, case, cell) for name in (OURS, other))
    ratios = [one / two for one, two in zip(mine, theirs, strict=False) if two]
    return Ratio(statistics.median(ratios), min(ratios), max(ratios)) if ratios else None


def peers(results: Results, *, lean: bool | None = None) -> list[str]:
    """Return the peers that were measured: all, or those that are lean, or those that are not."""
    return [
        each.name
        for each in CONTESTANTS
        if each.environment
        and lean in (None, each.lean)
        and any(found.contestant == each.name for found in results.measurements)
    ]


def _against_best(results: Results, case: str, cell: str, *, lean: bool) -> tuple[Ratio, str] | None:
    """Return our ratio to the best peer that answers all that ours does, or to the best lean one, and its name."""
    found = [(each, name) for name in peers(results, lean=lean) if (each := ratio(results, name, case, cell))]
    return min(found, key=lambda pair: pair[0].median) if found else None


def _with_lean(results: Results, words: str, case: str, cell: str) -> str:
    """Return what was measured with what was measured against the quickest lean peer, for which there is no target."""
    found = _against_best(results, case, cell, lean=True)
    return f"{words}; {found[0].median:.2f}x {found[1]}" if found else words


def verdicts(results: Results) -> Iterator[Verdict]:
    """Judge each target that this run measured."""
    for case in CASES:
        single, batch = _RATIOS[case.key]
        if found := ratio(results, FASTAPI, case.key, "one16"):
            name = f"one row, {case.title}: at least {single:g}x the plain FastAPI app"
            yield Verdict(name, _with_lean(results, str(found), case.key, "one16"), found.median >= single)
        if rival := _against_best(results, case.key, "batch2", lean=False):
            found, best = rival
            name = f"1,000 rows, {case.title}: at least {batch:g}x the best peer"
            words = _with_lean(results, f"{found} ({best})", case.key, "batch2")
            yield Verdict(name, words, found.median >= batch)
    if found := ratio(results, FLASK, "logistic", "one16"):
        yield Verdict("one row: at least 0.85x an empty Flask view", str(found), found.median >= 0.85)
    yield from _nobody_ahead(results)
    yield from _tails(results)
    yield from _formats(results)
    yield from _start(results)
    yield from _memory(results)


def _nobody_ahead(results: Results) -> Iterator[Verdict]:
    ratios = {
        f"{peer}, {case.title}, {cell.title}": found
        for peer in peers(results)
        for case in CASES
        for cell in CELLS
        if (found := ratio(results, peer, case.key, cell.key))
    }
    if ratios:
        ahead = [f"{where}: {found}" for where, found in ratios.items() if found.median < 1]
        yield Verdict("no cell where a peer is ahead", "; ".join(ahead) or "none", not ahead)


def _tails(results: Results) -> Iterator[Verdict]:
    for case in CASES:
        half, last = (results.values(OURS, case.key, "one1", what) for what in ("p50", "p99"))
        if half:
            times = statistics.median(two / one for one, two in zip(half, last, strict=True))
            words = f"{times:.2f}x ({statistics.median(half):.2f} and {statistics.median(last):.2f} ms)"
            yield Verdict(f"1 connection, {case.title}: p99 at most 2x p50", words, times <= 2)
        tails = {
            name: statistics.median(found)
            for name in (OURS, *peers(results))
            if (found := results.values(name, case.key, "one16", "p99"))
        }
        if len(tails) > 1:
            mine = tails.pop(OURS)
            best = min(tails, key=lambda name: tails[name])
            words = f"{mine:.1f} ms; the best peer {tails[best]:.1f} ms ({best})"
            yield Verdict(f"16 connections, {case.title}: p99 better than every peer's", words, mine < tails[best])


def _formats(results: Results) -> Iterator[Verdict]:
    """Judge binary forms by the time of JSON with the data set's short numbers; that of long ones stands beside it."""
    rates = {each: results.values(each.contestant, WIDE.key, each.title) for each in FORMATS}
    theirs = [statistics.median(found) for each, found in rates.items() if found and each.contestant != OURS]
    for fast in (each for each, found in rates.items() if found and each.contestant == OURS and each in BINARY):
        times = [
            statistics.median(one / two for one, two in zip(rates[json], rates[fast], strict=True)) for json in PLAIN
        ]
        words = f"{times[0]:.2f}; {times[1]:.2f} of that of numbers of 17 digits"
        yield Verdict(f"1,000 rows, {fast.title}: at most 0.40 of JSON's time", words, times[0] <= 0.40)
        if theirs:
            mine = statistics.median(rates[fast])
            name = f"1,000 rows, {fast.title}: quicker than every peer's quickest format"
            yield Verdict(name, f"{mine / max(theirs):.2f}x", mine > max(theirs))


def starts(results: Results) -> dict[str, float]:
    """Return each server's median seconds to the first 200."""
    names = dict.fromkeys(each.contestant for each in results.starts)
    return {
        name: statistics.median(each.seconds for each in results.starts if each.contestant == name) for name in names
    }


def _start(results: Results) -> Iterator[Verdict]:
    found = starts(results)
    if OURS in found and FASTAPI in found:
        words = f"{found[OURS]:.2f} s; FastAPI {found[FASTAPI]:.2f} s"
        yield Verdict("start: at most half of the FastAPI app's", words, found[OURS] <= found[FASTAPI] / 2)


def _memory(results: Results) -> Iterator[Verdict]:
    if forest := results.forest:
        most = forest.model + forest.workers * 25 * MB
        words = f"model {forest.model / MB:.0f} MB; {forest.before / MB:.0f} MB at first"
        after = f"{forest.after / MB:.0f} MB after {forest.requests:,} requests and {forest.collections} collections"
        met = max(forest.before, forest.after) <= most and forest.requests >= 10_000
        yield Verdict("a 300 MB forest in 4 workers: at most one model and 4 x 25 MB", f"{words}, {after}", met)
