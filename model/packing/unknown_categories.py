"""Says which value of the data an estimator does not know: scikit-learn names neither its column nor its row."""

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
    """Return which cell of the data is a category that the engine refuses, and what to do; None if there is none.

    `known` is what the estimator remembers of its columns.
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
    except Exception:  # noqa: BLE001  # a model may raise anything for rows unlike those it was fitted on
        return False
    return False
