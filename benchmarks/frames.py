"""What a data frame costs at serving time: `python -m benchmarks.frames`. Decides model.sklearn_runtime.table."""

import copy
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from model.columns import join_columns
from model.packing.column_facts import fitted_names
from model.packing.signature_reader import read_signature
from model.packing.training_data import read_columns
from model.sklearn_runtime.engine import SklearnEngine
from tests import zoo

ROUNDS, CALLS = 7, 20


def microseconds(call: Callable[[], object]) -> float:
    """Return the time of one call."""
    start = time.perf_counter()
    for _ in range(CALLS):
        call()
    return (time.perf_counter() - start) / CALLS * 1e6


def main() -> None:
    """Print, for each mixed pipeline, one row's time on pandas and on Table, interleaved, and their ratio."""
    warnings.simplefilter("ignore")
    ratios = []
    for case in zoo.mixed_pipelines():
        estimator = case.fitted()
        estimator = getattr(estimator, "best_estimator_", estimator)
        columns = read_columns(case.rows, fitted_names(estimator))
        signature = read_signature(estimator, columns)
        engine = SklearnEngine(copy.deepcopy(estimator), signature)
        row = join_columns([column.cells for column in columns], signature)[:1]
        record = {name: [cell] for name, cell in zip(case.rows.columns, case.rows.iloc[0].tolist(), strict=True)}
        dtypes = case.rows.dtypes

        def on_pandas(model: Any = estimator, record: Any = record, dtypes: Any = dtypes) -> object:
            frame = pd.DataFrame(record).astype(dtypes)
            return model.predict(frame), hasattr(model, "predict_proba") and model.predict_proba(frame)

        def on_table(engine: SklearnEngine = engine, row: Any = row) -> object:
            return engine.predict(row)

        pairs = [(microseconds(on_pandas), microseconds(on_table)) for _ in range(ROUNDS)]
        pandas_time, table_time = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratios.append(table_time / pandas_time)
        print(f"{case.name:36} pandas {pandas_time:7.0f} us   Table {table_time:7.0f} us   {ratios[-1]:.2f}")
    size = sum(path.stat().st_size for path in Path(pd.__file__).parent.rglob("*") if path.is_file())
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}, median {statistics.median(ratios):.2f}"
    print(f"ratio {spread}; pandas on disk {size / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
