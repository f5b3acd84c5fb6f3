"""The program that watches MODEL_DIR for the master, which has no threads and must not wait for a file system.

It writes a line with each state that has lasted for one interval, and reads the states that the master has tried.
"""

import os
import select
import sys
import time
from pathlib import Path
from typing import Final

from model.forking import end_with_parent
from service.serving.model_directory import Watch

_MOST_BYTES: Final = 1 << 16


def main(directory: str, seconds: str, *rest: str) -> None:
    """Watch until the parent ends or closes the pipe; `rest` are names of further files that count, and its id."""
    *also, parent = rest
    end_with_parent(int(parent))
    watch = Watch(Path(directory), float(seconds), also)
    watch.known = ""
    while True:
        if select.select([0], [], [], float(seconds))[0]:
            tried = os.read(0, _MOST_BYTES).split()
            if not tried:
                return
            watch.known = tried[-1].decode()
        if watch.changed(time.monotonic()):
            os.write(1, f"{watch.known}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
