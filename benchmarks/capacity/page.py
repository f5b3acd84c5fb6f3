"""The tables of docs/scale.md, each between its two comments; the prose around them is written by hand."""

import math
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from benchmarks.autoscaling import manifest
from benchmarks.capacity import plan
from benchmarks.capacity.figures import PLANNED, Figures, Replica, read
from benchmarks.contestants import ROOT

PAGE, FIGURES = ROOT / "docs/scale.md", ROOT / "benchmarks/capacity.json"
RATES = (100, 10_000, 1_000_000)
_SCRAPED, _DAY = 15, 86_400
# What Prometheus' documentation says of a sample on disk: one to two bytes.
_SAMPLE = 2
_MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str, figures: Figures) -> str:
    """Return the page with each of its tables made anew."""
    return _MARKED.sub(lambda found: f"{found[1]}{TABLES[found[2]](figures)}{found[3]}", text)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def _model(each: Replica) -> str:
    return f"{each.title}, {each.rows:,} {'row' if each.rows == 1 else 'rows'}"


def _cpus(figures: Figures) -> list[tuple[Replica, float, float]]:
    """Return each replica with what a pod of the manifest does at most, and at the knee."""
    count = manifest.cpus()
    return [(each, each.full * count, each.knee * count) for each in figures.replicas]


def _number(value: float) -> str:
    """Return three digits that count, without exponent."""
    digits = max(0, 2 - len(str(int(value))) + 1) if value >= 1 else 3
    return f"{value:,.{digits}f}"


def _size(value: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{_number(value)} {unit}"
        value /= 1000
    return f"{_number(value)} TB"


def _facts(figures: Figures) -> str:
    found = [each.foreign for each in figures.replicas if each.foreign is not None]
    words = f"{statistics.median(found):.2f} of the two cores in the median, {max(found):.2f} at most" if found else ""
    disturbed = [("What other programs took", words)] if words else []
    return _table(("", ""), [*figures.facts.items(), *disturbed])


def _replicas(figures: Figures) -> str:
    head = ("model", "most", "at 70 %: p50, p99", "CPU used there", "knee", "p99 there", "rows/s at 70 %")
    return _table(
        head,
        (
            (
                _model(each),
                f"{each.full:,.0f}",
                f"{each.p50:.1f} ms, {each.p99:.1f} ms",
                f"{each.cpu:.0%}".replace("%", " %"),
                f"{each.knee:,.0f} ({each.knee / each.full:.0%})".replace("%", " %"),
                f"{each.knee_p99:.1f} ms",
                f"{PLANNED * each.full * each.rows:,.0f}",
            )
            for each in figures.replicas
        ),
    )


def _pods(figures: Figures) -> str:
    head = ("model", "a pod, at most", *(f"{rate:,} requests/s" for rate in RATES))
    return _table(
        head,
        (
            (_model(each), f"{full:,.0f}", *(f"{plan.pods(rate, full, knee):,}" for rate in RATES))
            for each, full, knee in _cpus(figures)
        ),
    )


def _prices(_: Figures) -> str:
    head = ("instance of two virtual CPUs", "region", "US dollars an hour, on demand", "source")
    return _table(head, ((each.instance, each.region, f"{each.hourly:.5g}", each.source) for each in plan.PRICES))


def _costs(figures: Figures) -> str:
    head = ("model", *(each.instance for each in plan.PRICES))
    return _table(
        head,
        (
            (_model(each), *(_cost(plan.cost_of_a_million(price.hourly, full), each.rows) for price in plan.PRICES))
            for each, full, _ in _cpus(figures)
        ),
    )


def _cost(requests: float, rows: int) -> str:
    return _dollars(requests) if rows == 1 else f"{_dollars(requests)}; {_dollars(requests / rows)}"


def _dollars(value: float) -> str:
    """Return two digits that count, without exponent."""
    return f"{value:.{1 - math.floor(math.log10(value))}f}"


def _proxies(figures: Figures) -> str:
    head = ("proxy", "CPU of a request", "requests/s of a core at 70 %", *(f"cores for {rate:,}/s" for rate in RATES))
    return _table(
        head,
        (
            (
                each.title,
                f"{each.seconds * 1e6:.0f} µs",
                f"{PLANNED / each.seconds:,.0f}",
                *(_number(rate * each.seconds / PLANNED) for rate in RATES),
            )
            for each in figures.proxies
        ),
    )


def _surroundings(figures: Figures) -> str:
    one = figures.replica("logistic", 1)
    scrape, cpus = figures.scrape, manifest.cpus()
    assert scrape is not None  # noqa: S101  # a file of figures is whole
    count = {rate: plan.pods(rate, one.full * cpus, one.knee * cpus) for rate in RATES}
    series = {rate: count[rate] * scrape.series for rate in RATES}
    rows: list[tuple[str, Callable[[int], str]]] = [
        ("pods", lambda rate: f"{count[rate]:,}"),
        ("network, in", lambda rate: f"{_number(rate * one.sent * 8 / 1e6)} Mbit/s"),
        ("network, out", lambda rate: f"{_number(rate * one.received * 8 / 1e6)} Mbit/s"),
        ("requests in progress (rate x p50)", lambda rate: _number(rate * one.p50 / 1000)),
        ("prediction log", lambda rate: f"{_size(rate * one.logged)}/s, {_size(rate * one.logged * _DAY)} a day"),
        ("the same, LOG_SHARE=0.01", lambda rate: f"{_size(rate * one.logged * _DAY / 100)} a day"),
        ("series in Prometheus", lambda rate: f"{series[rate]:,}"),
        ("samples/s, scraped each 15 s", lambda rate: f"{series[rate] / _SCRAPED:,.0f}"),
        ("bytes of scrapes", lambda rate: f"{_size(count[rate] * scrape.size / _SCRAPED)}/s"),
        ("memory of Prometheus for them", lambda rate: _size(series[rate] * scrape.memory)),
        ("disk of Prometheus", lambda rate: f"{_size(series[rate] / _SCRAPED * _SAMPLE * _DAY)} a day"),
    ]
    head = (_model(one), *(f"{rate:,} requests/s" for rate in RATES))
    return _table(head, ((name, *map(value, RATES)) for name, value in rows))


def _weights(figures: Figures) -> str:
    head = ("model", "request", "answer", "log line")
    return _table(
        head,
        (
            (_model(each), f"{each.sent:,.0f}", f"{each.received:,.0f}", f"{each.logged:,.0f}")
            for each in figures.replicas
        ),
    )


def _scrape(figures: Figures) -> str:
    found = figures.scrape
    assert found is not None  # noqa: S101  # a file of figures is whole
    head = ("series of a replica", "bytes of a scrape", "time of a scrape", "Prometheus' memory for a series")
    took = f"{found.seconds * 1e3:.0f} ms"
    return _table(head, [(f"{found.series:,}", f"{found.size:,}", took, f"{found.memory:,.0f} B")])


def _pairs(figures: Figures) -> str:
    head = ("", "one replica", "predicted of two", "measured of two", "ratio", "cores for proxy and load")
    return _table(
        head,
        (
            (
                f"{each.title}, {each.proxy}",
                f"{each.one:,.1f}/s",
                f"{2 * each.one:,.1f}/s",
                f"{each.two:,.1f}/s",
                f"{each.two / each.one:.2f}",
                f"{each.beside:.2f}",
            )
            for each in figures.pairs
        ),
    )


def _days(figures: Figures) -> str:
    head = (
        "model; a pod at most",
        "a pod serves after",
        "rises",
        "target, most pods",
        "pods",
        "overloaded",
        "refused",
        "above the knee",
        "oscillation",
        "pod hours; fixed",
    )
    return _table(
        head,
        (
            (
                f"{each.title}; {each.full:,.0f}/s",
                f"{each.start:.0f} s",
                "as they were" if each.faster == 1 else f"{each.faster} times as fast",
                f"{each.target} %, {each.most}",
                "{} to {}".format(*each.pods),
                f"{each.overloaded:,} s",
                f"{each.refused * 100:.3g} %",
                f"{each.strained:,} s",
                each.oscillation,
                f"{each.pod_hours:,.1f}; {24 / each.faster * each.fixed:,.1f}",
            )
            for each in figures.days
        ),
    )


TABLES: dict[str, Callable[[Figures], str]] = {
    "facts": _facts,
    "replicas": _replicas,
    "pods": _pods,
    "prices": _prices,
    "costs": _costs,
    "proxies": _proxies,
    "surroundings": _surroundings,
    "weights": _weights,
    "scrape": _scrape,
    "pairs": _pairs,
    "days": _days,
}


def write(page: Path = PAGE, figures: Path = FIGURES) -> None:
    """Write the page's tables anew."""
    page.write_text(filled(page.read_text(), read(figures)))
