"""`make bench`: measure everything, then write results.md; the chart is drawn from results.json afterwards."""

import argparse
import os
import shutil
import sys
from pathlib import Path

from benchmarks import facts, forest, libraries, models, report, servers, wire
from benchmarks.contestants import CONTESTANTS, OURS, ROOT
from benchmarks.load import Plan
from benchmarks.measure import Bench, named
from benchmarks.results import Results

ENVIRONMENTS = tuple(dict.fromkeys(each.environment for each in CONTESTANTS if each.environment))

PARTS = ("forest", "speed", "libraries", "formats", "memory")


def main() -> int:
    """Run what the arguments ask for; exit code 1 if ours failed a request."""
    options = _options()
    if options.parts == ["score"]:
        return _score(options)
    if len(os.sched_getaffinity(0)) < 2:
        print("benchmarks: two cores are needed, one for the server and one for the load.", file=sys.stderr)
        return 2
    shutil.rmtree(options.work, ignore_errors=True)
    results = Results(facts=facts.of_the_machine(options))
    cases = [case for case in models.CASES if case.key in options.models]
    fitted = [models.fit(case, options.work / case.key) for case in cases]
    servers.adopt_orphans()
    bench = Bench(
        named(CONTESTANTS, options.peers), fitted, Plan(options.seconds, options.warm_up, options.tries), results
    )
    if "forest" in options.parts:
        results.forest = forest.weigh(options.work / "big")
    wide = models.fit(models.WIDE, options.work / "wide")
    others = libraries.fit(options.work / "libraries") if "libraries" in options.parts else []
    boosted = Bench(libraries.SERVERS, others, bench.plan, results)
    os.sched_setaffinity(0, {servers.LOAD_CORE})
    for turn in range(options.rounds):
        if "speed" in options.parts:
            bench.compare(turn)
        boosted.compare(turn)
        if "formats" in options.parts:
            wire.compare(bench, wide, turn)
        _keep(results, options)  # what was measured is there even if the rest is interrupted
    if "memory" in options.parts:
        bench.weigh()
    _keep(results, options)
    failed = sum(each.failed for each in results.measurements if each.contestant == OURS)
    return 1 if failed else 0


def _score(options: argparse.Namespace) -> int:
    from benchmarks import scoring  # noqa: PLC0415  # it needs what only training needs

    kept = ("Date", "Commit", "CPU", "System", "ml-service")
    found = facts.of_the_machine(options)
    command = {"Command": f"make bench PARTS=score RESULTS=benchmarks/{options.output.name} ROWS={options.rows}"}
    chosen = {**{name: found[name] for name in kept}, **command}
    scoring.write_page(options.work / "score", options.rows, chosen, options.output)
    return 0


def _keep(results: Results, options: argparse.Namespace) -> None:
    results.write(options.work / "results.json")
    options.output.write_text(report.write(results))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Compare servers of the same models.")
    parser.add_argument("--peers", nargs="*", default=list(ENVIRONMENTS), help="environments (default: all)")
    parser.add_argument("--models", nargs="*", default=[case.key for case in models.CASES])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="length of each load")
    parser.add_argument("--warm-up", type=int, default=1, help="length of the load before it that is not counted")
    parser.add_argument("--tries", type=int, default=2, help="how often a load is sent that other programs disturb")
    parser.add_argument(
        "--parts", nargs="*", default=list(PARTS), help=f"what is measured, of {', '.join(PARTS)}; or score"
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="rows of the file that is scored")
    parser.add_argument("--work", type=Path, default=ROOT / ".bench", help="folder for what is made, emptied first")
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/results.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
