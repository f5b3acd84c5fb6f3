"""The results as Markdown: what was measured, on what, and how it stands to the targets."""

import statistics
from collections.abc import Iterator, Sequence

from benchmarks import libraries, targets
from benchmarks.contestants import CONTESTANTS, OURS
from benchmarks.load import MOST_FOREIGN
from benchmarks.models import CASES, WIDE, Case
from benchmarks.results import CELLS, Results
from benchmarks.wire import FORMATS

_METHOD = """\
One server at a time on core 0, the load (wrk) on core 1; one worker process each, one thread of arithmetic. Each number
is the median of the rounds; the servers take turns within a round. In brackets: our requests/s over theirs, the median
of the rounds' ratios, the smallest and the largest. Before it is timed, a server's answers to 20 single rows and to
1,000 rows at once are compared with scikit-learn's; while it is timed, each answer must be a 200. 128 bodies take turns
for one row, 8 for 1,000. Every server speaks its own JSON, logs what it logs by default, and writes its stdout and
stderr to a file. As root, all of them and the load run before what else the machine does (nice -19), because wrk counts
a pause of its own core as latency. Every server answers labels and probabilities, the peers by `predict` and
`predict_proba`; MLflow's answers labels only. A peer that is called lean does half of that, so it is no like for like:
it shows how near somebody comes who trims the peer to the model at hand. Ours validates, counts and logs each request
too."""


def write(results: Results) -> str:
    """Return the whole page."""
    parts = [
        "# Benchmark results",
        "Written by `make bench`; do not edit. The chart of the servers is results.png.",
        _table(("", ""), [(name, value) for name, value in results.facts.items()]),
        _METHOD,
        _disturbed(results),
        "## Targets",
        _table(
            ("target", "measured", ""),
            [
                (each.target, each.measured, "met" if each.met else "**not met**")
                for each in (*targets.verdicts(results), *libraries.verdicts(results))
            ],
        ),
        *_cells(results),
        *_libraries(results),
        *_others(results),
        "## The servers",
        "Where a server runs on uvicorn, `uvicorn[standard]` is installed: uvloop and httptools.",
        _table(("server", "settings"), [(each.name, each.note) for each in CONTESTANTS if _known(results, each.name)]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _known(results: Results, name: str) -> bool:
    return name in results.failures or any(each.contestant == name for each in results.measurements)


def _cases(results: Results) -> list[Case]:
    return [case for case in CASES if any(each.case == case.key for each in results.measurements)]


def _cells(results: Results) -> Iterator[str]:
    cases = _cases(results)
    for cell in CELLS if cases else ():
        yield f"## {cell.title[0].upper()}{cell.title[1:]}"
        latency = "p50, p99 in ms" if not cell.many else "p50 in ms"
        yield f"Requests/s; {latency}; (ours to theirs)."
        rows = []
        for each in CONTESTANTS:
            if any(results.values(each.name, case.key, cell.key) for case in cases):
                rows.append((each.name, *(_cell(results, each.name, case.key, cell.key) for case in cases)))
            elif each.name in results.failures:
                rows.append((each.name, f"not measured: {results.failures[each.name]}", *[""] * (len(cases) - 1)))
        yield _table(("", *(case.title for case in cases)), rows)


def _cell(results: Results, name: str, case: str, cell: str) -> str:
    rates, half, last, failed = (results.values(name, case, cell, what) for what in ("rate", "p50", "p99", "failed"))
    if not rates:
        return "not measured"
    tail = f", {_number(statistics.median(last))}" if cell != "batch2" else ""
    text = f"{_number(statistics.median(rates))}; {_number(statistics.median(half))}{tail}"
    if name != OURS and (found := targets.ratio(results, name, case, cell)):
        text += f" ({found.median:.2f}x, {found.low:.2f} to {found.high:.2f})"
    return text + (f" **{sum(failed):.0f} failed**" if sum(failed) else "")


def _libraries(results: Results) -> Iterator[str]:
    if rows := libraries.rows_of(results):
        yield "## Boosting libraries"
        yield "Ours has no library installed; the app has it, and makes a data frame of each request."
        yield _table(("", "", "requests/s, ours; the app's", "ratio"), rows)


def _others(results: Results) -> Iterator[str]:
    formats = [(each, results.values(each.contestant, WIDE.key, each.title)) for each in FORMATS]
    if any(rates for _, rates in formats):
        yield f"## 1,000 rows of 30 numbers by format\n\n{WIDE.title}, 2 connections."
        rows = [(each.contestant, each.title, _number(statistics.median(rates))) for each, rates in formats if rates]
        yield _table(("server", "format", "requests/s"), rows)
    weights = {each.contestant: each for each in results.weights}
    if not weights:
        return
    yield "## Start and memory"
    yield "LogisticRegression. Seconds from exec to the first prediction's 200; PSS of all processes under load."
    titles = ("", "start, s", "memory with 2 workers, MB")
    found = targets.starts(results)
    weighed = {name: f"{each.bytes / targets.MB:.0f}" for name, each in weights.items()}
    weighed |= dict.fromkeys(results.unweighed, "no answer")
    yield _table(titles, [(name, f"{seconds:.2f}", weighed.get(name, "")) for name, seconds in found.items()])


def _disturbed(results: Results) -> str:
    shares = [each.foreign for each in results.measurements]
    if not shares:
        return ""
    many = sum(share > MOST_FOREIGN for share in shares)
    return (
        f"Other programs, or other guests of the host, took {statistics.median(shares):.2f} of the two cores in the"
        f" median measurement, {max(shares):.2f} in the worst; {many} of {len(shares)} measurements were disturbed by"
        f" more than {MOST_FOREIGN:g} in each try."
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
