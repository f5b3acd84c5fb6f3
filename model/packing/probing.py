"""Asks an estimator which values it accepts, one column at a time."""

from collections.abc import Container, Hashable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from model.columns import Column, join_columns
from model.engines.base import Engine
from model.packing.column_facts import ColumnFacts
from model.prediction import Rows
from model.signature import Dtype, Label, Signature

# If the engine refuses the values of this many columns of a group, drawn at random, the whole group counts as refused.
ENOUGH: Final = 8
Probe = tuple[int, Any]  # a column's position, and the value to try there


def typical_row(signature: Signature, columns: Sequence[Column] | None, known: dict[str, ColumnFacts]) -> Rows:
    """Return one row without missing values: each column's first present cell, or without data its first category."""
    if columns is None:
        blank: dict[Dtype, Label] = {"string": "", "float64": 0.0, "bool": False, "datetime": "1970-01-01", "any": ""}
        cells = [
            next(iter(known[each.name].values if each.name in known else ()), blank[each.dtype])
            for each in signature.features
        ]
        columns = [Column(each.name, each.dtype, [cell]) for each, cell in zip(signature.features, cells, strict=True)]
    first = [
        Column(column.name, column.dtype, [next((cell for cell in column.cells if cell is not None), None)])
        for column in columns
    ]
    return join_columns(first, signature.features, numeric=signature.layout == "matrix")


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
