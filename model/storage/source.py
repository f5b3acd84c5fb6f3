"""The interface of all places that a bundle is read from: objects by name, from any byte on.

Nothing is listed, because the manifest names the files. So the right to read objects is enough, and no file name comes
from a place.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Protocol

PIECE: Final = 1 << 20  # bytes that are read at once
STALL_SECONDS: Final = 15.0  # how long a place may send no byte
CONNECT_SECONDS: Final = 5.0


class Changed(Exception):
    """The object was replaced since it was last read."""


class NotChanged(Exception):
    """The object still has the given tag."""


@dataclass(frozen=True)
class Opened:
    """An object that is being read.

    `tag` is a string that changes with the content, None if the place has no tags. `pieces` yields the bytes from
    `offset` on, which is 0 if the place cannot begin elsewhere, and raises the errors of `Source.open`.
    """

    tag: str | None
    size: int | None
    offset: int
    pieces: Generator[bytes, None, None]


class Source(Protocol):
    """A place with a bundle; its string contains no secrets."""

    def open(self, name: str, offset: int = 0, *, only: str | None = None, unless: str | None = None) -> Opened:
        """Begin to read an object.

        Raises Changed unless the object has the tag `only`, if given, and NotChanged if it has the tag `unless`. Also
        raises BundleMissing, StorageDenied, and StorageUnavailable, after which another attempt may succeed.
        """
