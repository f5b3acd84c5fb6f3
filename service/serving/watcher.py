"""The program that watches MODEL_DIR for the master, which has no thread and must not wait for a file system.

It writes a line for each state that has come to rest, and reads the states that have been tried for another reason.
"""

import os
import select
import sys
import time
from pathlib import Path
from typing import Final

from model.forking import end_with_parent
from service.serving.model_directory import Watch

_PIECE: Final = 1 << 16


def main(directory: str, seconds: str, parent: str) -> None:
    """Watch until the parent ends, or does not listen."""
    end_with_parent(int(parent))
    watch = Watch(Path(directory), float(seconds))
    watch.known = ""
    while True:
        if select.select([0], [], [], float(seconds))[0]:
            said = os.read(0, _PIECE).split()
            if not said:
                return
            watch.known = said[-1].decode()
        if watch.changed(time.monotonic()):
            os.write(1, f"{watch.known}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
