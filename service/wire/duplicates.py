"""Finds a name that stands twice in one JSON object, which the JSON reader itself lets pass (the last wins)."""

import json
from collections.abc import Iterator
from typing import Any

from service.errors import InvalidRows, Problem
from service.rows import escaped


class _Pairs(list[tuple[str, Any]]):
    """An object with every member it was written with."""


def refuse(body: bytes, names: int) -> None:
    """Raise InvalidRows if an object of the body has a name twice; `names` is how many the reader kept.

    Each member has a colon, so as many colons as names prove that none was lost, at the cost of one scan. Only a
    body with more of them, in strings or in duplicates, is read again, with the slower reader that keeps all.
    """
    if body.count(b":") == names:
        return
    try:
        pointers = list(_twice(json.loads(body, object_pairs_hook=_Pairs), ""))
    except RecursionError:
        pointers = [""]  # what the reader kept was shallow: the depth is in a member that another one replaced
    if pointers:
        found = (Problem("duplicate_name", pointer, "each name once", "it twice") for pointer in pointers)
        raise InvalidRows(tuple(found)[: InvalidRows.MOST])


def count(document: Any) -> int:
    """Count the members of all objects of a document."""
    found, left = 0, [document]
    while left:  # no recursion: a document may be nested deeper than Python's calls
        part = left.pop()
        if isinstance(part, dict):
            found += len(part)
            left.extend(part.values())
        elif isinstance(part, list) and not {dict, list}.isdisjoint(map(type, part)):
            left.extend(part)
    return found


def _twice(value: Any, pointer: str) -> Iterator[str]:
    if isinstance(value, _Pairs):
        seen: set[str] = set()
        for name, member in value:
            where = f"{pointer}/{escaped(name)}"
            if name in seen:
                yield where
            seen.add(name)
            yield from _twice(member, where)
    elif isinstance(value, list):
        for position, member in enumerate(value):
            yield from _twice(member, f"{pointer}/{position}")
