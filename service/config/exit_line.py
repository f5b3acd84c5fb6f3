"""Reports a start that fails: one line on stderr that says what is wrong and what to do, and an exit status.

This module imports almost nothing, so that it can report failures of everything that is imported after it.
"""

import errno
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from model.errors import MORE_MEMORY
from model.oneline import one_line
from service.config.refusals import BOOT_FAILED, NO_ROOM

_SHORT: Final = {errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EROFS}


@contextmanager
def one_line_exit(status: int) -> Iterator[None]:
    """Turn an error into one line and an exit status, without a traceback."""
    try:
        yield
    except Exception as error:  # noqa: BLE001  # the operator should be able to read any error on one line
        print(one_line(f"ml-service: {_line(error)}"), file=sys.stderr, flush=True)
        raise SystemExit(status) from None


def _line(error: Exception) -> str:
    reason = " ".join(str(error).split())
    code = getattr(error, "code", None)
    match error:
        case _ if isinstance(code, str):
            pass
        case MemoryError():
            code, reason = NO_ROOM, f"memory ran out; {MORE_MEMORY}."
        case OSError() if error.errno in _SHORT:
            code, reason = NO_ROOM, f"{reason}; free some of it, or allow the server more."
        case ImportError():
            code, reason = "not_installed", f"{reason}; install what requirements.txt lists."
        case _:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            location = f"{Path(frame.filename).name}:{frame.lineno}"
            code, reason = BOOT_FAILED, f"{type(error).__name__}: {reason} ({location})."
    return f"{code}: {reason}"
