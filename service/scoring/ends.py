"""The outputs of a run and its checkpoint: opened where an earlier run stopped, and kept so that another can resume.

A checkpoint is a file beside the output, which says how far the run has come. The output is flushed to the disk before
it is written. The next run cuts off what was written after it.
"""

import hashlib
import json
import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from service import VERSION
from service.scoring.batches import BAD_HEAD
from service.scoring.job import STANDARD, TEXT, Job, is_file
from service.scoring.outputs import Output, PartialFile, no_room, open_output
from service.scoring.stopped import Stopped
from service.serving.served_model import ServedModel

_HEAD: Final = 2**20  # bytes of the input that are compared
# Seconds between checkpoints, at least, and how many times as long as one takes.
_SECONDS: Final = 1.0
_TIMES: Final = 20
_FRESH: Final = "start over with --fresh, or name another output."


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


@dataclass
class Ends:
    """Where results and bad rows are written, and how far the run is."""

    out: Output
    bad: Output
    checkpoint: Checkpoint | None
    position: Position

    @property
    def descriptors(self) -> list[int]:
        """The descriptors of the files that another run can resume."""
        return [each.descriptor for each in (self.out, self.bad) if isinstance(each, PartialFile)]

    def begin(self, head: bytes, start: int, line: int) -> None:
        """Write what each file begins with, unless an earlier run has; rows begin at byte `start`, in line `line`."""
        if self.position.line == 0:
            self.out.write(head)
            self.position = Position(start, line, written=self.out.size)
        if not self.bad.size:
            self.bad.write(BAD_HEAD)
            self.position = replace(self.position, bad_written=self.bad.size)

    def add(self, content: bytes, bad: bytes, position: Position) -> None:
        """Write the result of one batch, after which the run is at `position`; raises OSError."""
        self.out.write(content)
        self.bad.write(bad)
        self.position = replace(position, written=self.out.size, bad_written=self.bad.size)
        if self.checkpoint is not None and self.checkpoint.is_due():
            self.save()

    def cut(self) -> None:
        """Cut off what was written after the position."""
        self.out.cut(self.position.written)
        self.bad.cut(self.position.bad_written)

    def save(self) -> None:
        """Save how far the run is."""
        if self.checkpoint is not None:
            self.checkpoint.save(self.position, *self.descriptors)

    def finish(self) -> None:
        """Give the files their names; the output comes last, so that it is there only if all of it is."""
        self.bad.finish()
        self.out.finish()
        if self.checkpoint is not None:
            self.checkpoint.remove()

    def close(self, *, remove: bool = False) -> None:
        """Close the files, so that another run can resume them, or remove them."""
        for each in (self.out, self.bad):
            each.remove() if remove else each.close()

    def failed(self, error: Exception, job: Job) -> Exception:
        """Keep what was written for another run, and return the error that says so."""
        kept, rows = "", self.position.rows
        resumable = self.checkpoint is not None and rows > 0
        if resumable:
            with suppress(OSError):
                self.cut()  # which makes room for the checkpoint on a full disk
                self.save()
            kept = f" The first {rows:,} rows are kept: the same command goes on from there."
        self.close(remove=not resumable)
        if isinstance(error, OSError) and no_room(error):
            return Stopped("disk_full", f"{job.target}: {error.strerror}; make room.{kept}")
        return Stopped(error.code, f"{error}{kept}") if isinstance(error, Stopped) else error


def open_ends(job: Job, served: ServedModel) -> Ends:
    """Open the outputs at the position that an earlier run reached, or at the beginning; raises Stopped.

    A file of columns cannot be appended to later, so its predictions are kept beside it, in a file that can.
    """
    if STANDARD not in (job.source, job.target) and _same(job.source, job.target):
        raise Stopped("bad_output", f"{job.target} is the input, too; name another output.")
    for name, other in (("input", job.source), ("output", job.target)):
        if job.bad_rows is not None and other != STANDARD and _same(other, str(job.bad_rows)):
            raise Stopped("bad_output", f"{job.bad_rows} is the {name}, too; name another file for bad rows.")
    checkpoint = _checkpoint(job, served) if job.can_resume else None
    position = None if checkpoint is None or job.fresh else checkpoint.load()
    ends = Ends(Output(), Output(), checkpoint, Position())
    try:
        if job.source_format in TEXT:
            ends.out = open_output(job.target)
        elif is_file(job.target, new=True):
            ends.out = PartialFile(Path(job.target), "predictions", is_result=False)
        if job.bad_rows is not None:
            ends.bad = PartialFile(job.bad_rows)
    except Stopped:
        ends.close()
        raise
    if position is not None and position.written <= ends.out.size and position.bad_written <= ends.bad.size:
        ends.position = position
    ends.cut()
    return ends


def _same(source: str, target: str) -> bool:
    one, other = Path(source), Path(target)
    return one.resolve() == other.resolve() or (one.exists() and other.exists() and one.samefile(other))


def _checkpoint(job: Job, served: ServedModel) -> Checkpoint:
    target = Path(job.target)
    run = {
        "input": identity(Path(job.source)),
        "model": served.contract.identity.digest,
        "engine": served.loaded.engine.name,
        "version": VERSION,
        "options": job.options(),
    }
    return Checkpoint(target.with_name(f"{target.name}.checkpoint"), run)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise Stopped at SIGINT and SIGTERM."""

    def stop(number: int, _: Any) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.SIG_IGN)
        raise Stopped("interrupted", f"{signal.Signals(number).name} came.")

    before = {each: signal.signal(each, stop) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
