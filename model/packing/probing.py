"""Asks an estimator which values it accepts, one column at a time, and for which value it refuses data."""

from collections.abc import Container, Hashable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from model.columns import Column, join_columns
from model.engines.base import Engine
from model.errors import UnknownCategory
from model.packing.column_facts import ColumnFacts
from model.packing.training_data import evenly_spaced
from model.prediction import Rows
from model.refused_cell import refused_cell
from model.signature import Cell, Dtype, Label, Signature

# If the engine refuses the values of this many columns of a group, drawn at random, the whole group counts as refused.
ENOUGH: Final = 8
_MOST_NAMED, _MOST_TRIED = 5, 20
Probe = tuple[int, Any]  # a column's position, and the value to try there


def typical_row(signature: Signature, columns: Sequence[Column] | None, known: dict[str, ColumnFacts]) -> Rows:
    """Return one row without missing values: each column's first present cell, or without data its first category."""
    cells: list[Cell]
    if columns is None:
        blank: dict[Dtype, Label] = {"string": "", "float64": 0.0, "bool": False, "datetime": "1970-01-01", "any": ""}
        cells = [
            next(iter(known.get(each.name, ColumnFacts()).values), blank[each.dtype]) for each in signature.features
        ]
    else:
        cells = [next((cell for cell in column.cells if cell is not None), None) for column in columns]
    return join_columns([[cell] for cell in cells], signature)


class Prober:
    """Tries values in a row that the engine predicts. `groups` has a group for each column; see `groups_of_columns`."""

    def __init__(self, engine: Engine, row: Rows, groups: Sequence[Hashable] | None = None) -> None:
        self._engine = engine
        self._row = row
        self._groups = groups or [None] * row.shape[1]

    def accepted(self, probes: Sequence[Probe], *, certain: Container[int] = ()) -> set[int]:
        """Return the positions at which the engine predicts the row with the probe's value.

        A call's cost grows with the number of columns, so probes share a row as long as all of them pass. If the probes
        of ENOUGH columns of a group are refused, the group counts as refused, except for `certain` positions, which are
        all tried.
        """
        groups: dict[Hashable, list[Probe]] = {}
        for probe in probes:
            groups.setdefault(self._groups[probe[0]], []).append(probe)
        found: set[int] = set()
        for each in groups.values():
            found |= {position for position, _ in each} if self._predicts(each) else self._of_group(each, certain)
        return found

    def accepting_any(self, candidates: Mapping[int, Sequence[Any]]) -> set[int]:
        """Return the positions at which the engine accepts at least one of the candidates.

        Only of the first candidates, ENOUGH columns may stand for their group; later candidates are all tried.
        """
        found: set[int] = set()
        for number in range(max(map(len, candidates.values()), default=0)):
            probes = [
                (position, values[number])
                for position, values in candidates.items()
                if position not in found and number < len(values)
            ]
            found |= self.accepted(probes, certain=candidates if number else ())
        return found

    def _of_group(self, probes: list[Probe], certain: Container[int]) -> set[int]:
        """Return the positions of a group that are accepted, given that not all are."""
        drawn = [probes[index] for index in np.random.default_rng(0).permutation(len(probes))[:ENOUGH]]
        speaking = {position for position, _ in drawn}
        found = {position for position, value in drawn if self._predicts([(position, value)])}
        return found | self._tried(
            [probe for probe in probes if probe[0] not in speaking and (found or probe[0] in certain)]
        )

    def _tried(self, probes: Sequence[Probe]) -> set[int]:
        """Return the positions that are accepted, by halving the probes until those of a half pass together."""
        if not probes or self._predicts(probes):
            return {position for position, _ in probes}
        half = len(probes) // 2
        return self._tried(probes[:half]) | self._tried(probes[half:]) if half else set()

    def _predicts(self, probes: Sequence[Probe]) -> bool:
        row = self._row.copy()
        for position, value in probes:
            row[0, position] = value
        try:
            self._engine.predict(row)
        except Exception:  # noqa: BLE001  # libraries and own code may raise anything
            return False
        return True


def describe_unknown(
    engine: Engine, signature: Signature, columns: Sequence[Column], known: dict[str, ColumnFacts]
) -> str | None:
    """Return a message about the cell that the engine refuses as an unknown category, None if there is no such cell.

    `known` is what the estimator knows of its columns.
    """
    rows = join_columns([column.cells for column in columns], signature)
    some = (rows[index : index + 1] for index in evenly_spaced(len(rows), _MOST_TRIED))
    candidates = (typical_row(signature, None, known), *some)
    accepted = next((each for each in candidates if not _knows_not(engine, each)), None)
    if accepted is None or not _knows_not(engine, rows):
        return None
    row, column = refused_cell(lambda each: _knows_not(engine, each), rows, accepted) or (0, None)
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


def _knows_not(engine: Engine, rows: Rows) -> bool:
    try:
        engine.predict(rows)
    except UnknownCategory:
        return True
    except Exception:  # noqa: BLE001  # models may raise anything for rows that they were not fitted on
        return False
    return False
