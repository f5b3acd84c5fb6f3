"""Checks of a request that come before its rows are read, and the words for what it has instead."""

from collections.abc import Collection, Mapping
from typing import Any

from service.errors import InvalidRows, Problem


def invalid_request(pointer: str, expected: str, got: str) -> InvalidRows:
    """Return the error of a body that is JSON, but not a request."""
    return InvalidRows((Problem("invalid_request", pointer, expected, got),))


def check_members(part: Mapping[str, Any], known: Collection[str], pointer: str = "") -> None:
    """Raise InvalidRows if an object has an unknown member, which may be meant to change what the others mean."""
    for name in part:
        if name not in known:
            raise invalid_request(f"{pointer}/{escaped(name)}", f"no members but {', '.join(known)}", "this one")


def escaped(name: str) -> str:
    """Return a name as one step of a JSON pointer (RFC 6901), cut so that an answer stays short."""
    return name[:100].replace("~", "~0").replace("/", "~1")


def only_member(document: Any, names: Collection[str]) -> str | None:
    """Return which one of these members an object has; None if it has several, or none, or is not an object."""
    present = [name for name in names if name in document] if isinstance(document, dict) else []
    return present[0] if len(present) == 1 else None


def check_row_count(count: int, max_rows: int, pointer: str = "") -> None:
    """Raise InvalidRows unless there are as many rows as one request may have."""
    if not 0 < count <= max_rows:
        code = "too_many_rows" if count else "no_rows"
        raise InvalidRows((Problem(code, pointer, f"1 to {max_rows} rows", f"{count} rows"),))


def shown(value: Any) -> str:
    """Describe a JSON value in a few words that are safe to send back."""
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    if isinstance(value, str):
        return f"the string {value[:40]!r}" + ("…" if len(value) > 40 else "")
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    return "an object" if isinstance(value, dict) else f"the number {value!r}"
