"""The outputs of a run and its checkpoint: opened where an earlier run stopped, and kept so that another can resume."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from service import VERSION
from service.scoring.batches import BAD_HEAD
from service.scoring.checkpoint import Checkpoint, Position, identity
from service.scoring.job import STANDARD, TEXT, Job, is_file
from service.scoring.outputs import Nowhere, PartialFile, Stream, no_room, open_output
from service.scoring.stopped import Stopped
from service.serving.served_model import ServedModel


@dataclass
class Ends:
    """Where results and bad rows are written, and how far the run is."""

    out: PartialFile | Stream | Nowhere
    bad: PartialFile | None
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
        if self.bad is not None and not self.bad.size:
            self.bad.write(BAD_HEAD)
            self.position = replace(self.position, bad_written=self.bad.size)

    def add(self, content: bytes, bad: bytes, position: Position) -> None:
        """Write the result of one batch, after which the run is at `position`; raises OSError."""
        self.out.write(content)
        if self.bad is not None:
            self.bad.write(bad)
        bad_written = 0 if self.bad is None else self.bad.size
        self.position = replace(position, written=self.out.size, bad_written=bad_written)
        if self.checkpoint is not None and self.checkpoint.is_due():
            self.save()

    def cut(self) -> None:
        """Cut off what was written after the position."""
        if isinstance(self.out, PartialFile):
            self.out.cut(self.position.written)
        if self.bad is not None:
            self.bad.cut(self.position.bad_written)

    def save(self) -> None:
        """Save how far the run is."""
        if self.checkpoint is not None:
            self.checkpoint.save(self.position, *self.descriptors)

    def finish(self) -> None:
        """Give the files their names; the output comes last, so that it is there only if all of it is."""
        if self.bad is not None:
            self.bad.finish()
        self.out.finish()
        if self.checkpoint is not None:
            self.checkpoint.remove()

    def close(self, *, remove: bool = False) -> None:
        """Close the files, so that another run can resume them, or remove them."""
        for each in (self.out, self.bad):
            if isinstance(each, PartialFile):
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
    ends = Ends(Nowhere(), None, checkpoint, Position())
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
    bad_size = 0 if ends.bad is None else ends.bad.size
    if position is not None and position.written <= ends.out.size and position.bad_written <= bad_size:
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
