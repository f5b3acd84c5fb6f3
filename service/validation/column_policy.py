"""What happens to columns that a request has and the model does not, and to columns that a request leaves out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.signature import Cell, Signature
from service.errors import InvalidRows, Problem
from service.validation.cells import CellReader
from service.validation.requests import escaped, invalid_request, shown

_Column = Sequence[Any] | NDArray[Any]
EVERY: Final = "*"  # in place of a column's name: every column that accepts missing values
MOST_EXTRA: Final = 64  # ignored columns in one request
LONGEST_ID: Final = 128  # characters; Arrow can send one id for many rows, and the answer repeats it in each
_LONGEST_NAME: Final = 100
_ID_TYPES: Final = frozenset({str, int, float, bool, type(None)})


@dataclass(frozen=True)
class ColumnPolicy:
    """The policy of a server for one model, already checked against its signature.

    `defaults` has the values of columns that a request may leave out. `row_id` is the column whose values come back
    with the answer. `ignore_extra` says whether other columns that the model does not have are ignored.
    """

    names: tuple[str, ...]
    defaults: Mapping[str, Cell]
    row_id: str | None = None
    ignore_extra: bool = False

    @classmethod
    def of(
        cls, signature: Signature, given: Mapping[str, Cell], row_id: str | None = None, *, ignore_extra: bool = False
    ) -> "ColumnPolicy | None":
        """Return the policy for a model, or None if nothing is asked for.

        Raises ValueError if the row id is a feature, or for a default that no feature has or that its feature does not
        accept; the message says what was expected.
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
    """Applies the policy to one request, and holds the names of ignored columns and the ids of its rows."""

    def __init__(self, policy: ColumnPolicy) -> None:
        self.policy = policy
        self.ignored: dict[str, None] = {}
        self._known = frozenset(policy.names)
        self._ids: list[Any] | None = None

    def take_member(self, document: Any) -> Any:
        """Return a document without the member that holds its row ids, and take the ids from that member."""
        row_id = self.policy.row_id
        if row_id is None or not isinstance(document, dict) or row_id not in document:
            return document
        value = document[row_id]
        self.take_ids(value if isinstance(value, list) else [value], f"/{escaped(row_id)}")
        return {name: member for name, member in document.items() if name != row_id}

    def rows(self, rows: Any) -> Any:
        """Return rows whose objects have no ignored columns and no ids, and have defaults for columns that they lack.

        Rows that are not objects stay as they are.
        """
        if not isinstance(rows, list) or dict not in set(map(type, rows)):
            return rows
        row_id = self.policy.row_id
        if row_id is not None and any(type(row) is dict and row_id in row for row in rows):
            self.take_ids([row.get(row_id) if type(row) is dict else None for row in rows], "")
        return [self._row(row) if type(row) is dict and row.keys() != self._known else row for row in rows]

    def names(self, given: Iterable[str]) -> dict[str, None]:
        """Return the names of the columns that `columns` makes of a table with these names."""
        kept = {name: None for name in given if self._is_kept(name)}
        return {**kept, **dict.fromkeys(self.policy.defaults)}

    def wanted(self, given: Iterable[str]) -> list[str]:
        """Return the names of the columns to read from a table with these names."""
        present = set(given)
        row_id = [self.policy.row_id] if self.policy.row_id in present else []
        return [name for name in self.policy.names if name in present] + [name for name in row_id if name is not None]

    def columns(self, columns: Mapping[str, _Column], height: int) -> dict[str, _Column]:
        """Return a table of `height` rows without ignored columns and ids, and with defaults for columns it lacks."""
        kept = {name: column for name, column in columns.items() if self._is_kept(name)}
        if (row_id := self.policy.row_id) is not None and row_id in columns:
            self.take_ids(columns[row_id], "")
        defaults = {name: value for name, value in self.policy.defaults.items() if name not in kept}
        return {**kept, **{name: [value] * height for name, value in defaults.items()}}

    def take_ids(self, ids: _Column, pointer: str) -> None:
        """Take the ids of the rows; raises InvalidRows if the request has sent ids already, or for an invalid id."""
        if self._ids is not None:
            raise invalid_request(pointer, f"{self.policy.row_id!r} in one place", "it in two")
        self._ids = ids.tolist() if isinstance(ids, np.ndarray) else list(ids)
        for row, each in enumerate(self._ids):
            if type(each) not in _ID_TYPES or (type(each) is str and len(each) > LONGEST_ID):
                expected = f"a number, or a string of at most {LONGEST_ID} characters"
                raise InvalidRows((Problem("invalid_value", f"{pointer}/{row}", expected, shown(each)),))

    def check_ids(self, count: int) -> None:
        """Raise InvalidRows if there are ids, but not one for each of `count` rows."""
        if self._ids is not None and len(self._ids) != count:
            pointer = f"/{escaped(self.policy.row_id or '')}"
            raise invalid_request(pointer, f"{count} values, one for each row", f"{len(self._ids)}")

    @property
    def ids(self) -> NDArray[Any] | None:
        """The ids of the rows: int64 or float64 if all are, else objects that are strings, "" where a row has none.

        None if the request has no ids.
        """
        if (ids := self._ids) is None:
            return None
        types = set(map(type, ids))
        if types == {float} or (types == {int} and all(-(2**63) <= each < 2**63 for each in ids)):
            return np.array(ids)
        strings = np.empty(len(ids), dtype=object)
        strings[:] = ["" if each is None else str(each) for each in ids]
        return strings

    def _row(self, row: dict[str, Any]) -> dict[str, Any]:
        kept = {name: value for name, value in row.items() if self._is_kept(name)}
        return {**self.policy.defaults, **kept}

    def _is_kept(self, name: str) -> bool:
        """Return whether a column stays: the model's do, and unknown ones that are then refused, not ignored."""
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
