"""What is done with columns that a request has and the model does not, and with those that it lacks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.signature import Cell, Signature
from service.errors import InvalidRows, Problem
from service.validation.cells import CellReader, shown
from service.validation.requests import escaped, invalid_request

_Column = Sequence[Any] | NDArray[Any]
EVERY: Final = "*"  # in place of a column's name: every column that may be missing
MOST_EXTRA: Final = 64  # columns of one request that are ignored
LONGEST_ID: Final = 128  # characters: a dictionary of Arrow can repeat one in each row of the answer
_LONGEST_NAME: Final = 100
_ID_TYPES: Final = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True)
class ColumnPolicy:
    """The policy of a server for one model: all of it that can be wrong has been checked.

    `defaults` are the values of columns that a request may lack. `row_id` is the column that is given back.
    """

    names: tuple[str, ...]
    defaults: Mapping[str, Cell]
    row_id: str | None = None
    ignore_extra: bool = False

    @classmethod
    def of(
        cls, signature: Signature, given: Mapping[str, Cell], row_id: str | None = None, *, ignore_extra: bool = False
    ) -> "ColumnPolicy | None":
        """Return the policy for a model, None if all is as it is without one.

        Raises ValueError for the row id or a default of a column that the model does not have or take, in words.
        """
        if not (given or row_id or ignore_extra):
            return None
        cells = {feature.name: CellReader(feature) for feature in signature.features}
        if row_id in cells:
            raise ValueError(f"the model has a feature {row_id!r}")
        for name, value in given.items():
            if name == EVERY and value is not None:
                raise ValueError(f"{EVERY!r}: expected null, as what may be missing in every column")
            if name != EVERY and name not in cells:
                raise ValueError(f"expected features of the model ({', '.join(cells)}), got {name!r}")
            if name != EVERY and not cells[name].accepts(value):
                raise ValueError(f"expected {cells[name].expected}, got {shown(value)}")
        every = [name for name, cell in cells.items() if cell.feature.nullable] if EVERY in given else []
        named = {name: value for name, value in given.items() if name != EVERY}
        return cls(signature.names, {**dict.fromkeys(every), **named}, row_id, ignore_extra)


class RequestColumns:
    """The columns that one request has beside the model's: the names of those ignored, and the ids of its rows."""

    def __init__(self, policy: ColumnPolicy) -> None:
        self.policy = policy
        self.ignored: dict[str, None] = {}
        self._known = frozenset(policy.names)
        self._ids: list[Any] | None = None

    def take_member(self, document: Any) -> Any:
        """Return a document without its member of row ids, which may stand beside the rows."""
        row_id = self.policy.row_id
        if row_id is None or not isinstance(document, dict) or row_id not in document:
            return document
        value = document[row_id]
        self.take_ids(value if isinstance(value, list) else [value], f"/{escaped(row_id)}")
        return {name: member for name, member in document.items() if name != row_id}

    def rows(self, rows: Any) -> Any:
        """Return rows without what is beside the model's columns, and with what they lack; only objects have names."""
        if not isinstance(rows, list) or dict not in set(map(type, rows)):
            return rows
        row_id = self.policy.row_id
        if row_id is not None and any(type(row) is dict and row_id in row for row in rows):
            self.take_ids([row.get(row_id) if type(row) is dict else None for row in rows], "")
        return [self._row(row) if type(row) is dict and row.keys() != self._known else row for row in rows]

    def names(self, given: Iterable[str]) -> dict[str, None]:
        """Return the names of a table's columns as they are after `columns`."""
        found = {name: None for name in given if self._is_kept(name)}
        return {**found, **dict.fromkeys(self.policy.defaults)}

    def wanted(self, given: Iterable[str]) -> list[str]:
        """Return which of a table's columns are read."""
        there = set(given)
        row_id = [self.policy.row_id] if self.policy.row_id in there else []
        return [name for name in self.policy.names if name in there] + [name for name in row_id if name is not None]

    def columns(self, columns: Mapping[str, _Column], height: int) -> dict[str, _Column]:
        """Return a table of so many rows without columns beside the model's, and with those that it lacks."""
        found = {name: column for name, column in columns.items() if self._is_kept(name)}
        if (row_id := self.policy.row_id) is not None and row_id in columns:
            self.take_ids(columns[row_id], "")
        lacking = {name: value for name, value in self.policy.defaults.items() if name not in found}
        return {**found, **{name: [value] * height for name, value in lacking.items()}}

    def take_ids(self, ids: _Column, pointer: str) -> None:
        """Take the ids of the rows; raises InvalidRows if there are some already, or for what cannot be one."""
        if self._ids is not None:
            raise invalid_request(pointer, f"{self.policy.row_id!r} in one place", "it in two")
        self._ids = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
        for row, each in enumerate(self._ids):
            if type(each) not in _ID_TYPES or (type(each) is str and len(each) > LONGEST_ID):
                expected = f"a number, or a string of at most {LONGEST_ID} characters"
                raise InvalidRows((Problem("invalid_value", f"{pointer}/{row}", expected, shown(each)),))

    def check_ids(self, count: int) -> None:
        """Raise InvalidRows if there are ids, but not so many."""
        if self._ids is not None and len(self._ids) != count:
            pointer = f"/{escaped(self.policy.row_id or '')}"
            raise invalid_request(pointer, f"{count} values, one for each row", f"{len(self._ids)}")

    @property
    def ids(self) -> NDArray[Any] | None:
        """The ids of the rows, None if no row has one: int64 or float64 if all are, else strings, perhaps empty."""
        if (ids := self._ids) is None:
            return None
        types = set(map(type, ids))
        if types == {float} or (types == {int} and all(-(2**63) <= each < 2**63 for each in ids)):
            return np.array(ids)
        found = np.empty(len(ids), dtype=object)
        found[:] = ["" if each is None else str(each) for each in ids]
        return found

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        found = {name: value for name, value in row.items() if self._is_kept(name)}
        return {**self.policy.defaults, **found}

    def _is_kept(self, name: str) -> bool:
        """Return whether a column stays: the model's, and, so that they are refused, others that are not ignored."""
        if name in self._known:
            return True
        if name == self.policy.row_id:
            return False
        if not self.policy.ignore_extra:
            return True
        self.ignored[name[:_LONGEST_NAME]] = None
        if len(self.ignored) > MOST_EXTRA:
            raise invalid_request("", f"at most {MOST_EXTRA} columns that the model does not take", "more")
        return False
