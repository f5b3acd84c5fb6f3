"""Finds the unknown category in data that an estimator refuses: scikit-learn names neither column nor row."""

from collections.abc import Sequence

import numpy as np

from model.columns import Column, join_columns
from model.engines.base import Engine
from model.errors import UnknownCategory
from model.packing.column_facts import ColumnFacts
from model.packing.probing import typical_row
from model.prediction import Rows
from model.refused_cell import refused_cell
from model.signature import Signature

_MOST_NAMED, _MOST_TRIED = 5, 20


def describe_unknown(
    engine: Engine, signature: Signature, columns: Sequence[Column], known: dict[str, ColumnFacts]
) -> str | None:
    """Return a message about the cell that the engine refuses as an unknown category, None if there is no such cell.

    `known` is what the estimator knows of its columns.
    """
    rows = join_columns(columns, signature.features, numeric=signature.layout == "matrix")
    indices = np.unique(np.linspace(0, len(rows) - 1, _MOST_TRIED).astype(int))
    candidates = (typical_row(signature, None, known), *(rows[index : index + 1] for index in indices))
    accepted = next((each for each in candidates if not _refuses(engine, each)), None)
    if accepted is None or not _refuses(engine, rows):
        return None
    row, column = refused_cell(lambda each: _refuses(engine, each), rows, accepted) or (0, None)
    if column is None:
        return None
    name = signature.names[column]
    values = known[name].values if name in known else ()
    listed = ", ".join(map(repr, values[:_MOST_NAMED])) + (", …" if len(values) > _MOST_NAMED else "")
    return (
        f"the column {name!r} of the data contains {rows[row, column]!r}, a category that the estimator was not fitted "
        f"on and refuses{f' (it knows {listed})' if listed else ''}; give the column as it was when the estimator was "
        "fitted, leave such rows out, or fit its encoder with handle_unknown='ignore'."
    )


def _refuses(engine: Engine, rows: Rows) -> bool:
    try:
        engine.predict(rows)
    except UnknownCategory:
        return True
    except Exception:  # noqa: BLE001  # models may raise anything for rows that they were not fitted on
        return False
    return False
