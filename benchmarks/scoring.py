"""`make bench PARTS=score`: rows per second and memory of `score`, against a script with pandas and joblib."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import ipc, parquet
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import model
from benchmarks.contestants import ROOT
from benchmarks.measure import say

FEATURES, TRAINED, DIFFERENT = 30, 20_000, 20_000  # the rows that differ are repeated: writing them takes longer
TARGET_RATIO, TARGET_MB = 2.0, 300.0
_MEGABYTE = 2**20
_LOADED = (
    "import sys; from pathlib import Path; import service.commands.score; from model.loading import load;"
    "loaded = load(Path(sys.argv[1])); print(open('/proc/self/smaps_rollup').read())"
)

_METHOD = """\
{rows:,} rows of {features} numbers with all their digits, from a file to a file. Seconds are those of the whole
command, with its start. The memory is the most of all processes together (PSS, taken every 0.1 s) less that of a
process that has loaded the model. Both models are pipelines with a scaler, compiled. The script
(benchmarks/pandas_score.py) holds the whole file in memory, and predicts with the fitted estimator in as many
processes; in brackets is its memory."""
_TITLES = (
    "model",
    "file",
    "columns",
    "processes",
    "rows/s",
    "MB above the model",
    "pandas and joblib, rows/s",
    "ratio",
)


@dataclass(frozen=True)
class Case:
    """One run: the model, the format, the columns that are written, and the processes."""

    model: str
    kind: str
    columns: str
    processes: int
    compared: bool = False


CASES = (
    Case("logistic", "csv", "all", 2, compared=True),
    Case("boosting", "csv", "all", 2, compared=True),
    Case("logistic", "csv", "none", 2),
    Case("logistic", "csv", "all", 1),
    Case("logistic", "jsonl", "all", 2),
    Case("logistic", "parquet", "all", 2),
    Case("logistic", "arrow", "all", 2),
)


@dataclass(frozen=True)
class Run:
    """Seconds from start to end, and the most megabytes of all processes together (PSS)."""

    seconds: float
    megabytes: float


def write_page(folder: Path, rows: int, facts: dict[str, str], output: Path) -> None:
    """Measure every case, and write the page."""
    folder.mkdir(parents=True, exist_ok=True)
    _prepare(folder, rows)
    parts = [
        "# Scoring files",
        f"Written by `make bench PARTS=score RESULTS=benchmarks/{output.name}`; do not edit.",
        table_of(("", ""), list(facts.items())),
        _METHOD.format(rows=rows, features=FEATURES),
        table_of(_TITLES, [_cells(folder, case, rows) for case in CASES]),
        f"Targets: at least {TARGET_RATIO:g} times the script, and at most {TARGET_MB:g} MB above the model.",
    ]
    output.write_text("\n\n".join(parts) + "\n")


def table_of(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of Markdown."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cells(folder: Path, case: Case, rows: int) -> list[str]:
    say(f"score: {case}")
    source, bundle = folder / f"in.{case.kind}", folder / case.model
    scored = _run([sys.executable, "-m", "model", "score", source, folder / f"out.{case.kind}", "--model", bundle,
                   "--columns", case.columns, "--processes", case.processes])  # fmt: skip
    cells = [case.model, case.kind, case.columns, str(case.processes), f"{rows / scored.seconds:,.0f}"]
    cells.append(f"{scored.megabytes - _loaded(bundle):,.0f}")
    if case.compared:
        script = [sys.executable, ROOT / "benchmarks/pandas_score.py", source, folder / "script.csv",
                  folder / f"{case.model}.joblib", case.processes, case.columns]  # fmt: skip
        plain = _run(script)
        _check(folder / "out.csv", folder / "script.csv")
        cells += [f"{rows / plain.seconds:,.0f} ({plain.megabytes:,.0f} MB)", f"{plain.seconds / scored.seconds:.1f}"]
    say(" | ".join(cells))
    return [*cells, "", ""][: len(_TITLES)]


def fit(folder: Path) -> pd.DataFrame:
    """Fit and pack the models; return the rows that differ."""
    values, labels = make_classification(
        max(TRAINED, DIFFERENT), FEATURES, n_informative=12, n_classes=3, random_state=0
    )
    frame = pd.DataFrame(values, columns=[f"feature_{number}" for number in range(FEATURES)])
    fitted = {"logistic": LogisticRegression(max_iter=500), "boosting": HistGradientBoostingClassifier(max_iter=100)}
    for name, estimator in fitted.items():
        pipeline = make_pipeline(StandardScaler(), estimator).fit(frame[:TRAINED], labels[:TRAINED])
        model.pack(pipeline, folder / name, name=name, data=frame[:1000])
        joblib.dump(pipeline, folder / f"{name}.joblib")
    return frame[:DIFFERENT]


def _prepare(folder: Path, rows: int) -> None:
    """Fit and pack the models, and write the same rows in each format."""
    some, times = fit(folder), rows // DIFFERENT
    table = pa.Table.from_pandas(some, preserve_index=False)
    body = some.to_csv(index=False, header=False)
    with (folder / "in.csv").open("w") as file:
        file.write(",".join(some.columns) + "\n")
        file.writelines(body for _ in range(times))
    with (folder / "in.jsonl").open("w") as file:
        text = some.to_json(orient="records", lines=True, double_precision=15)
        file.writelines(text for _ in range(times))
    with (
        parquet.ParquetWriter(folder / "in.parquet", table.schema) as columns,
        ipc.new_file(str(folder / "in.arrow"), table.schema) as batches,
    ):
        columns.write_table(pa.concat_tables([table] * times))
        for _ in range(times):
            batches.write_table(table)


def _check(ours: Path, theirs: Path) -> None:
    """Compare the first predictions; raises ValueError."""
    names = [f"probability_{number}" for number in range(3)]
    found = [pd.read_csv(path, nrows=1000)[names].to_numpy() for path in (ours, theirs)]
    if not np.allclose(found[0], found[1], rtol=0, atol=1e-6):
        raise ValueError(f"{ours} and {theirs} have other probabilities")


def _run(command: Sequence[object]) -> Run:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    start, most = time.monotonic(), 0.0
    process = subprocess.Popen(list(map(str, command)), cwd=ROOT, env=environ, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        most = max(most, sum(map(_proportional, _tree(process.pid))))
        time.sleep(0.1)
    seconds = time.monotonic() - start
    if process.returncode:
        raise OSError(f"{command[:4]} ended with exit code {process.returncode}")
    return Run(seconds, most)


def _tree(pid: int) -> Iterator[int]:
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from _tree(int(child))


def _proportional(pid: int) -> float:
    try:
        return _pss(Path(f"/proc/{pid}/smaps_rollup").read_text())
    except OSError:  # it has ended
        return 0.0


def _pss(rollup: str) -> float:
    return next((int(line.split()[1]) * 1024 / _MEGABYTE for line in rollup.splitlines() if line.startswith("Pss:")), 0)


def _loaded(bundle: Path) -> float:
    """Return the megabytes of a process that has loaded a model."""
    command = [sys.executable, "-c", _LOADED, str(bundle)]
    return _pss(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
