"""`make bench-cluster`: the same rows scored by `score`, by Ray and by Spark, on one and two workers, and compared."""

import argparse
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import compute, parquet

from benchmarks import facts, scoring
from benchmarks.contestants import ROOT
from benchmarks.measure import say
from tests import clusters

MODELS = ("logistic", "boosting")
FILES = 8
JOBS = ("logistic", *MODELS)  # the first one starts the processes
_SECONDS = re.compile(r"^seconds (\S+)$", re.MULTILINE)
_TITLES = ("engine", "workers", "model", "rows/s", "whole program, rows/s", "other labels", "largest difference")
_METHOD = """\
{rows:,} rows of {features} numbers with all their digits and an id, from Parquet to Parquet, every column written. Both
models are pipelines with a scaler, compiled.

- `score` is one command, with as many processes beside the one that reads and writes. Its seconds are those of the
  command.
- Ray has as many nodes of one CPU, Spark a standalone master and as many workers of one core. All of it runs on this
  machine, so drivers, schedulers and JVMs share the CPUs with the workers. Seconds are those of a job (reading,
  scoring, writing) in a session that exists. The first job, `logistic, first`, also starts the processes that score.
- The whole program is the driver with its start and all three jobs.

The last columns compare each job with `score`, row by row: how many labels differ, and how much a probability does at
most."""


@dataclass(frozen=True)
class Run:
    """What was measured of one job."""

    engine: str
    workers: int
    model: str
    rows_per_second: float
    whole: float | None
    compared: tuple[int, float] | None


def main() -> int:
    """Measure, and write the page."""
    options = _options()
    shutil.rmtree(options.work, ignore_errors=True)
    options.work.mkdir(parents=True)
    rows = _prepare(options.work, options.rows)
    runs = [_score(options.work, rows, processes, model) for processes in (1, 2) for model in MODELS]
    for workers in (1, 2):
        runs += _ray(options.work, rows, workers)
        runs += _spark(options.work, rows, workers)
    chosen = facts.machine() | {"Ray and Spark": _versions(), "Command": f"make bench-cluster ROWS={options.rows}"}
    parts = [
        "# Scoring on Ray and Spark",
        "Written by `make bench-cluster`; do not edit.",
        scoring.table_of(("", ""), list(chosen.items())),
        _METHOD.format(rows=rows, features=scoring.FEATURES),
        scoring.table_of(_TITLES, [_cells(run) for run in runs]),
    ]
    options.output.write_text("\n\n".join(parts) + "\n")
    return 1 if any(run.compared and run.compared[0] for run in runs) else 0


def _prepare(folder: Path, rows: int) -> int:
    """Fit the models, and write the rows as one file and as several; return how many they are."""
    some = pa.Table.from_pandas(scoring.fit(folder), preserve_index=False)
    table = pa.concat_tables([some] * max(1, rows // len(some)))
    table = table.add_column(0, "id", pa.array(np.arange(len(table))))
    (folder / "rows").mkdir()
    size = -(-len(table) // FILES)
    parquet.write_table(table, folder / "all.parquet")
    for number in range(FILES):
        parquet.write_table(table.slice(number * size, size), folder / f"rows/{number}.parquet")
    return len(table)


def _score(folder: Path, rows: int, processes: int, model: str) -> Run:
    command = [sys.executable, "-m", "model", "score", folder / "all.parquet", folder / f"{model}.parquet", "--fresh"]
    start = time.monotonic()
    more = ["--model", folder / model, "--processes", processes]
    subprocess.run(list(map(str, [*command, *more])), cwd=ROOT, check=True, capture_output=True)
    seconds = time.monotonic() - start
    return _said(Run("score", processes, model, rows / seconds, None, None))


def _ray(folder: Path, rows: int, nodes: int) -> list[Run]:
    place = clusters.Workplace(folder, ROOT)
    try:
        return _jobs("Ray", place, clusters.ray(place, nodes, cpus=1), ["python"], rows, nodes)
    finally:
        place.close()


def _spark(folder: Path, rows: int, workers: int) -> list[Run]:
    place = clusters.Workplace(folder, ROOT)
    folders = [folder / f"worker-{number}" for number in range(workers)]
    try:
        return _jobs("Spark", place, clusters.spark(place, folders), ["spark-submit", "--master"], rows, workers)
    finally:
        place.close()


def _jobs(
    engine: str,
    place: clusters.Workplace,
    cluster: AbstractContextManager[str],
    program: Sequence[str],
    rows: int,
    workers: int,
) -> list[Run]:
    """Run the jobs on a cluster, and compare what they wrote with what `score` did."""
    folder, target = place.folder, place.folder / "scored"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    job = ROOT / f"benchmarks/cluster/jobs/{engine.lower()}_job.py"
    with cluster as address:
        start = time.monotonic()
        master = [address] if program[-1] == "--master" else []
        what = [workers, folder / "rows", target, *(folder / model for model in JOBS)]
        out, _ = place.run(*program, *master, job, *what, RAY_ADDRESS=address)
        whole = rows * len(JOBS) / (time.monotonic() - start)
    runs = []
    for number, (model, seconds) in enumerate(zip(JOBS, map(float, _SECONDS.findall(out)), strict=True)):
        compared = _compared(folder / f"{model}.parquet", target / str(number))
        name = model if number else f"{model}, first"
        runs.append(_said(Run(engine, workers, name, rows / seconds, None if number else whole, compared)))
    return runs


def _compared(expected: Path, found: Path) -> tuple[int, float]:
    """Return how many labels differ, and the largest difference of a probability; raises ValueError for other rows."""
    ours, theirs = parquet.read_table(expected), parquet.read_table(found).sort_by("id")
    given = [name for name in ours.column_names if name.startswith(("id", "feature_"))]
    if ours.schema.names != theirs.schema.names or ours.select(given) != theirs.select(given):
        raise ValueError(f"{found} has other rows than {expected}")
    labels = compute.sum(compute.not_equal(ours["prediction"], theirs["prediction"])).as_py()
    names = [name for name in ours.column_names if name.startswith("probability_")]
    largest = max(float(np.abs(ours[name].to_numpy() - theirs[name].to_numpy()).max()) for name in names)
    return labels, largest


def _cells(run: Run) -> list[str]:
    whole = "" if run.whole is None else f"{run.whole:,.0f}"
    compared = ["", ""] if run.compared is None else [str(run.compared[0]), f"{run.compared[1]:.2g}"]
    return [run.engine, str(run.workers), run.model, f"{run.rows_per_second:,.0f}", whole, *compared]


def _said(run: Run) -> Run:
    say(" | ".join(_cells(run)))
    return run


def _versions() -> str:
    pinned = (ROOT / "tests/cluster/requirements.txt").read_text()
    pins = dict(re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)", pinned, re.MULTILINE))
    java = subprocess.run(["java", "-version"], capture_output=True, text=True, check=True).stderr
    found = ", ".join(f"{name} {pins[name]}" for name in ("ray", "pyspark", "pyarrow", "pandas"))
    version = re.findall(r'version "([\d.]+)', java)[0]
    return f"{found}, Java {version}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description="Score on Ray and Spark.")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument(
        "--work", type=Path, default=ROOT / ".bench/cluster", help="folder for what is made, emptied first"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "benchmarks/cluster.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
