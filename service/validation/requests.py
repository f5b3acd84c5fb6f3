"""What is checked of a request before its rows are read."""

from collections.abc import Collection
from typing import Any

from service.errors import InvalidRows, Problem


def invalid_request(pointer: str, expected: str, got: str) -> InvalidRows:
    """Return the error of a body that is JSON, but not a request."""
    return InvalidRows((Problem("invalid_request", pointer, expected, got),))


def only_member(document: Any, names: Collection[str]) -> str | None:
    """Return which one of these members an object has; None if it has several, or none, or is not an object."""
    found = [name for name in names if name in document] if isinstance(document, dict) else []
    return found[0] if len(found) == 1 else None


def check_row_count(count: int, max_rows: int, pointer: str = "") -> None:
    """Raise InvalidRows unless there are as many rows as one request may have."""
    if not 0 < count <= max_rows:
        code = "too_many_rows" if count else "no_rows"
        raise InvalidRows((Problem(code, pointer, f"1 to {max_rows} rows", f"{count} rows"),))
