"""Does something in a forked process, whose crash or hang harms nobody."""

import json
import os
import select
import signal
from collections.abc import Callable
from typing import Any

_MOST_SAID = 1 << 20


def in_fork(work: Callable[[], dict[str, Any]], seconds: float) -> dict[str, Any] | None:
    """Return what the work says, a JSON object; None if it crashes, raises or does not end in time."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writer, json.dumps(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    try:
        ready, _, _ = select.select([reader], [], [], seconds)
        said = os.read(reader, _MOST_SAID) if ready else b""
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader)
    return json.loads(said) if said else None
