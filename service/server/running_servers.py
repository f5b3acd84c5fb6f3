"""What servers of this machine say of themselves, for the health check to find.

It is run every few seconds and is mostly its imports, so this imports as good as nothing.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

MEMORY = "/dev/shm"  # noqa: S108  # shareddir makes a private directory in it
PREFIX = "mlservice-"
FILE = "alive"


def said(places: Iterable[str]) -> Iterator[list[str]]:
    """Yield what each server has said that has its directory in one of the places: its process id, address and port.

    The latter two come when it listens. What other users' servers say cannot be read.
    """
    for place in sorted(set(places)):
        for entry in os.scandir(place) if os.access(place, os.R_OK) else ():
            if entry.name.startswith(PREFIX):
                with suppress(OSError), open(f"{entry.path}/{FILE}", encoding="ascii") as file:  # noqa: PTH123  # see above
                    yield file.read().split()
