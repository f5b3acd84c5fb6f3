"""A place that a bundle is read from, as all kinds of places appear: objects by their names, from any byte on.

Nothing is listed: the manifest says which files there are. So whoever may read the objects needs no further right, and
no name comes from a place.
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final, Protocol

PIECE: Final = 1 << 20  # bytes that are read at once
STALL_SECONDS: Final = 15.0  # without a byte
CONNECT_SECONDS: Final = 5.0


class Changed(Exception):
    """The object is no longer the one that was read before."""


class NotChanged(Exception):
    """The object still has the tag that was named."""


@dataclass(frozen=True)
class Opened:
    """An object that is being read.

    `tag` is a string that differs when its content does, None if the place has none. `pieces` are its bytes from
    `offset` on, which is 0 where a place cannot begin elsewhere; they raise what `Source.open` raises.
    """

    tag: str | None
    size: int | None
    offset: int
    pieces: Generator[bytes, None, None]


class Source(Protocol):
    """A place with a bundle; as a string, it has no secrets."""

    def open(self, name: str, offset: int = 0, *, only: str | None = None, unless: str | None = None) -> Opened:
        """Begin to read an object.

        With `only`, it must still have that tag, else Changed is raised; with `unless`, NotChanged is raised if it has.
        Raises BundleMissing, StorageDenied and StorageUnavailable, too; the last may be tried again.
        """
