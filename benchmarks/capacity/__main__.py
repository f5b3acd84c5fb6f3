"""`make bench-capacity`: measure what one replica does and what its surroundings cost; docs/scale.md is made of it."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from benchmarks import facts, models, servers
from benchmarks.capacity import days, fronts, page, scrapes
from benchmarks.capacity.figures import Figures, Pair, Proxy, Replica, read
from benchmarks.capacity.replicas import Lengths, replicas
from benchmarks.contestants import ROOT

_KEPT = ("Date", "Commit", "CPU", "System", "ml-service")


def main() -> int:
    """Measure everything, simulate, and write the page; exit code 1 if a request failed."""
    options = _options()
    if not options.simulate and len(os.sched_getaffinity(0)) < 2:
        print("benchmarks: two cores are needed, one for the server and one for the load.", file=sys.stderr)
        return 2
    figures = read(options.figures) if options.simulate else _measure(options)
    figures.days = list(days.days(figures))
    figures.write(options.figures)
    options.work.mkdir(parents=True, exist_ok=True)
    days.write_series(figures, options.work / "day.json")
    page.write(options.page, options.figures)
    measured: list[Replica | Proxy | Pair] = [*figures.replicas, *figures.proxies, *figures.pairs]
    return 1 if any(each.failed for each in measured) else 0


def _measure(options: argparse.Namespace) -> Figures:
    shutil.rmtree(options.work, ignore_errors=True)
    lengths = Lengths(1, options.seconds, options.seconds)
    found = facts.machine()
    command = {"Command": f"make bench-capacity SECONDS={options.seconds}"}
    figures = Figures({**{name: found[name] for name in _KEPT}, **command})
    fitted = {case.key: models.fit(case, options.work / case.key) for case in (*models.CASES, fronts.HEAVY)}
    servers.adopt_orphans()
    os.sched_setaffinity(0, {servers.LOAD_CORE})
    for case in models.CASES:
        measured, start = replicas(fitted[case.key], lengths)
        figures.replicas += measured
        figures.start = max(figures.start, start)
    figures.proxies = fronts.proxies(fitted["logistic"], options.work, lengths)
    figures.pairs = fronts.pairs(fitted[fronts.HEAVY.key], 1000, options.work, lengths)
    figures.scrape = scrapes.scrape(fitted["logistic"], options.work, lengths)
    return figures


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description="Measure one replica.")
    parser.add_argument("--seconds", type=int, default=3, help="length of each load")
    parser.add_argument("--simulate", action="store_true", help="measure nothing: simulate anew with the figures kept")
    parser.add_argument("--work", type=Path, default=ROOT / ".bench/capacity", help="folder for what is made")
    parser.add_argument("--figures", type=Path, default=page.FIGURES)
    parser.add_argument("--page", type=Path, default=page.PAGE)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
