"""Finds names that occur twice in one JSON object, which the JSON reader accepts (the last one wins)."""

import json
from collections.abc import Callable, Collection, Iterator
from itertools import chain, islice
from operator import itemgetter
from typing import Any, Final

from service.errors import InvalidRows, Problem
from service.formats.json_documents import outside_strings
from service.formats.strict_json import uncollected
from service.validation.requests import escaped


class _Pairs(list[tuple[str, Any]]):
    """An object with every member that it was written with."""


_PARTS: Final = frozenset({dict, list})
_KEPT: Final = frozenset({_Pairs, list})


def read(body: bytes, reader: Callable[[bytes], Any]) -> Any:
    """Return the document that a reader makes of a body; raises InvalidRows if an object has a name twice."""
    document = reader(body)
    if _lost(body, count(document)):
        del document  # the second reading needs its memory
        raise _found(body)
    return document


def refuse(body: bytes, names: int) -> None:
    """Raise InvalidRows if an object of the body has a name twice; `names` is how many names the reader kept."""
    if _lost(body, names):
        raise _found(body)


def count(document: Any) -> int:
    """Count the members of all objects of a document, level by level."""
    members = 0
    level: Collection[Any] = (document,)
    while not _PARTS.isdisjoint(map(type, level)):
        inner: list[Collection[Any]] = []
        for part in level:
            if type(part) is dict:
                members += len(part)
                inner.append(part.values())
            elif type(part) is list:
                inner.append(part)
        level = inner[0] if len(inner) == 1 else [*chain.from_iterable(inner)]
    return members


def _lost(body: bytes, names: int) -> bool:
    """Return whether the body has more names than were kept: outside strings, each colon follows a name."""
    return body.count(b":") != names and outside_strings(body).count(b":") != names


def _found(body: bytes) -> InvalidRows:
    """Read a body again, with a slower reader that keeps all members, and point to the names that occur twice."""
    try:
        with uncollected():
            document = json.loads(body, object_pairs_hook=_Keeper().keep)
        pointers = list(islice(_twice(document, ""), InvalidRows.MOST))
    except RecursionError:
        pointers = [""]  # the depth is in a member that a later one replaced
    return InvalidRows(tuple(Problem("duplicate_name", pointer, "each name once", "it twice") for pointer in pointers))


class _Keeper:
    """Keeps those objects of a document that have a name twice, and those that may contain one."""

    def __init__(self) -> None:
        self._found = False

    def keep(self, pairs: list[tuple[str, Any]]) -> _Pairs | None:
        """Return an object's members, or None if it need not be kept."""
        if len(set(map(itemgetter(0), pairs))) < len(pairs):
            self._found = True
            return _Pairs(pairs)
        leads = self._found and any(type(member) in _KEPT for _, member in pairs)
        return _Pairs(pairs) if leads else None


def _twice(value: _Pairs | list[Any], pointer: str) -> Iterator[str]:
    """Yield pointers to the names that occur twice, in the order of the document."""
    if type(value) is list:
        for position, member in enumerate(value):
            if type(member) in _KEPT:
                yield from _twice(member, f"{pointer}/{position}")
        return
    seen: set[str] = set()
    for name, member in value:
        if name in seen:
            yield f"{pointer}/{escaped(name)}"
        seen.add(name)
        if type(member) in _KEPT:
            yield from _twice(member, f"{pointer}/{escaped(name)}")
