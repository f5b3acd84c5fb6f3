"""Leaves out of the logs: values of the features in LOG_REDACT, and what matches LOG_REDACT_PATTERN.

The pattern is a regular expression of RE2, which takes linear time: no value that a caller sends can make it slow.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from model.prediction import Rows
from service.errors import Failure

MASK: Final = "[redacted]"
_MOST: Final = 100  # matches that are masked in one string; a string with more is masked as a whole
_UNSAID: Final = "a value that is not logged"
_WHOLE: Final = 2**53  # whole numbers below it are matched as callers write them, without .0


class Redaction:
    """Leaves values out of rows, of messages, and of whatever else comes from a request."""

    def __init__(self, features: Sequence[str] = (), pattern: str | None = None) -> None:
        self.features = frozenset(features)
        self._pattern = compiled(pattern) if pattern else None

    @property
    def active(self) -> bool:
        """Whether anything is left out."""
        return bool(self.features) or self._pattern is not None

    def text(self, text: str) -> str:
        """Return a string with MASK in place of what matches the pattern."""
        if self._pattern is None:
            return text
        parts, end = [], 0
        for count, match in enumerate(self._pattern.finditer(_encodable(text))):
            if count == _MOST:
                return MASK
            if match.end() > match.start():
                parts += [text[end : match.start()], MASK]
                end = match.end()
        return "".join((*parts, text[end:]))

    def rows(self, rows: Rows, names: Sequence[str]) -> tuple[Any, list[str]]:
        """Return rows for strict_json to write, and the features whose values are left out."""
        columns = [position for position, name in enumerate(names) if name in self.features] if self.features else []
        if columns:
            rows = rows.copy()
            rows[:, columns] = np.nan  # null in JSON
        if self._pattern is None:
            return rows.tolist() if rows.dtype == object else rows, [names[column] for column in columns]
        cells, changed = rows.tolist(), set(columns)
        for row in cells:
            for column, cell in enumerate(row):
                if (masked := self._cell(cell)) is not cell:
                    row[column] = masked
                    changed.add(column)
        return cells, [name for position, name in enumerate(names) if position in changed]

    def detail(self, failure: Failure) -> str:
        """Return the message of a failure, or a shorter one if it may contain a redacted value."""
        first = failure.problems[0] if failure.problems else None
        cut = self._pattern is not None and first is not None and first.got.endswith("…")  # perhaps within a match
        if (not self.features and not cut) or (first is None and failure.status not in (400, 422)):
            return self.text(failure.message)
        if first is None or (self.features and failure.feature is None):
            # Names may be values: those of a CSV file without a header line, for instance.
            return f"{failure.title}."
        got = _UNSAID if cut or failure.feature in self.features else first.got
        return self.text(f"{first.pointer}: expected {first.expected}, got {got}.")

    def words(self, error: BaseException) -> str:
        """Return the message of an exception of the model's own code, unless it may contain a redacted value."""
        return "its words may contain a value of LOG_REDACT" if self.features else self.text(str(error))

    def _cell(self, cell: Any) -> Any:
        """Return what is logged of a cell: the same object if it does not match the pattern."""
        if isinstance(cell, str):
            masked = self.text(cell)
            return cell if masked == cell else masked
        if isinstance(cell, bool) or not isinstance(cell, (int, float)):
            return cell
        whole = isinstance(cell, float) and cell.is_integer() and abs(cell) < _WHOLE
        written = str(int(cell) if whole else cell)
        return cell if self.text(written) == written else None


NOTHING_REDACTED: Final = Redaction()


def compiled(pattern: str) -> Any:
    """Compile a pattern of RE2; raises ValueError if it is invalid, or matches the empty string."""
    import re2  # noqa: PLC0415  # needed only with LOG_REDACT_PATTERN

    options = re2.Options()
    options.log_errors = False
    try:
        expression = re2.compile(pattern, options)
    except re2.error as error:
        raise ValueError(pattern) from error
    if expression.search("") is not None:
        raise ValueError(pattern)
    return expression


def _encodable(text: str) -> str:
    """Return a string of the same length that UTF-8 can encode, so that positions of matches hold in the original."""
    return text.encode("utf-8", "replace").decode()
