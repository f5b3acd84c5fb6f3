"""The addresses of the servers on this machine, for the health check.

The health check runs every few seconds and spends most of its time on imports, so this module imports almost nothing.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress

MEMORY = "/dev/shm"  # noqa: S108  # shared_directory makes a private directory in it
PREFIX = "mlservice-"
FILE = "alive"


def published(directories: Iterable[str]) -> Iterator[list[str]]:
    """Yield the words that each server wrote into its folder in one of the directories: process id, address, port.

    Address and port are missing until the server listens. Directories of other users cannot be read.
    """
    for directory in sorted(set(directories)):
        for entry in os.scandir(directory) if os.access(directory, os.R_OK) else ():
            if entry.name.startswith(PREFIX):
                with suppress(OSError), open(f"{entry.path}/{FILE}", encoding="ascii") as file:  # noqa: PTH123  # see above
                    yield file.read().split()
