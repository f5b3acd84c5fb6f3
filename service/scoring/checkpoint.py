"""How far a run has come, in a file beside its output: after an interruption, the next run resumes there.

The output is flushed to the disk before a checkpoint is written. The next run cuts off what was written after it.
"""

import hashlib
import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from service.scoring.stopped import Stopped

_HEAD: Final = 2**20  # bytes of the input that are compared
# Seconds between checkpoints, at least, and how many times as long as one takes.
_SECONDS: Final = 1.0
_TIMES: Final = 20


@dataclass(frozen=True)
class Position:
    """How much was read, scored and written; `read` counts bytes of text, or batches of columns.

    `line` is the number of the next line or row, from 1; 0 if nothing was written yet.
    """

    read: int = 0
    line: int = 0
    rows: int = 0
    bad_rows: int = 0
    written: int = 0
    bad_written: int = 0

    def after(self, read: int, line: int, rows: int, bad_rows: int) -> "Position":
        """Return the position after a batch with so many scored and refused rows."""
        return replace(self, read=read, line=line, rows=self.rows + rows, bad_rows=self.bad_rows + bad_rows)


def identity(path: Path) -> dict[str, Any]:
    """Return what tells an input file from other files, and from itself after a change."""
    status = path.stat()
    with path.open("rb") as file:
        digest = hashlib.sha256(file.read(_HEAD)).hexdigest()
    return {"size": status.st_size, "mtime": status.st_mtime_ns, "digest": digest}


class Checkpoint:
    """The checkpoint of one run; `run` is all that must be the same in a run that resumes it."""

    def __init__(self, path: Path, run: Mapping[str, Any]) -> None:
        self._path, self._run = path, json.loads(json.dumps(run))
        self._next = time.monotonic() + _SECONDS

    def load(self) -> Position | None:
        """Return how far an earlier run came, None if there was none; raises Stopped if it cannot be resumed."""
        try:
            saved = json.loads(self._path.read_bytes())
            run, position = saved["run"], Position(**saved["position"])
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError):
            raise Stopped("other_run", f"{self._path} is not a checkpoint; {_FRESH}") from None
        if differing := [name for name in self._run if run.get(name) != self._run[name]]:
            raise Stopped("other_run", f"{self._path} is of a run with another {' and '.join(differing)}; {_FRESH}")
        return position

    def is_due(self) -> bool:
        """Return whether it is time to save a checkpoint."""
        return time.monotonic() >= self._next

    def save(self, position: Position, *files: int) -> None:
        """Flush the files to the disk, then save how far the run is; raises OSError."""
        start = time.monotonic()
        for file in files:
            os.fdatasync(file)
        new = self._path.with_name(f"{self._path.name}.new")
        new.write_text(json.dumps({"run": self._run, "position": asdict(position)}))
        new.replace(self._path)
        end = time.monotonic()
        self._next = end + max(_SECONDS, _TIMES * (end - start))

    def remove(self) -> None:
        """Remove the checkpoint of a run that is complete."""
        self._path.unlink(missing_ok=True)


_FRESH: Final = "start over with --fresh, or name another output."
