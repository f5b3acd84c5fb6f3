"""Downloads one file: each attempt resumes where the previous one stopped, until the digest is right."""

import hashlib
import os
import random
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from model.bundle.manifest import File
from model.errors import BundleCorrupt, StorageUnavailable
from model.storage.source import Opened, Source

ATTEMPTS: Final = 5  # how many in a row may bring no byte
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0  # seconds
Count = Callable[[int], None]  # called with the number of bytes that have arrived


@dataclass
class Patience:
    """How long, and how often in a row, an operation is attempted that may succeed later."""

    until: float  # by the monotonic clock
    failed: int = field(default=0, init=False)

    def check(self, place: object) -> None:
        """Raise StorageUnavailable if the time is up."""
        if time.monotonic() >= self.until:
            raise StorageUnavailable(f"{place} was not fetched within FETCH_SECONDS; allow more time.")

    def again(self, error: StorageUnavailable, *, progress: bool = False) -> None:
        """Wait before the next attempt; raise the error if attempts or time have run out."""
        self.failed = 1 if progress else self.failed + 1
        pause = min(_FIRST_PAUSE * 2 ** (self.failed - 1), _LONGEST_PAUSE)
        if self.failed >= ATTEMPTS or time.monotonic() + pause >= self.until:
            tried = f"{self.failed} attempts failed" if self.failed > 1 else "no time is left for another attempt"
            raise StorageUnavailable(
                f"{error} {tried[0].upper()}{tried[1:]}; try again when the storage answers."
            ) from None
        time.sleep(pause * random.uniform(0.5, 1))  # noqa: S311  # so that many servers do not retry at the same moment

    def of(self, attempt: Callable[[], Any]) -> Any:
        """Repeat an attempt until it succeeds, and return its result."""
        while True:
            try:
                found = attempt()
            except StorageUnavailable as error:
                self.again(error)
            else:
                self.failed = 0
                return found


def read_small(
    source: Source, name: str, most: int, patience: Patience, unless: str | None = None
) -> tuple[bytes, str | None]:
    """Return the content of an object and its tag; raises BundleCorrupt if it has more bytes than `most`."""

    def attempt() -> tuple[bytes, str | None]:
        opened = source.open(name, unless=unless)
        content = bytearray()
        with closing(opened.pieces):
            for piece in opened.pieces:
                content += piece
                if len(content) > most:
                    raise BundleCorrupt(f"{source}/{name} has more than the {most} bytes that such a file may have.")
                patience.check(source)
        if opened.size not in (None, len(content)):
            raise StorageUnavailable(f"{source}/{name} ended after {len(content)} of {opened.size} bytes.")
        return bytes(content), opened.tag

    found: tuple[bytes, str | None] = patience.of(attempt)
    return found


@dataclass
class Download:
    """A file that is written piece by piece; an interrupted download is resumed."""

    source: Source
    name: str
    file: File
    part: Path
    patience: Patience
    count: Count
    tag: str | None = None

    def run(self) -> None:
        """Fetch the missing bytes; raises BundleCorrupt, Changed and the errors of Source.open."""
        left_over = self.part.exists()
        self._complete()
        if (digest := self._digest()) != self.file.sha256 and left_over:
            self.part.unlink()  # the left-over part belongs to another file
            self._complete()
            digest = self._digest()
        if digest != self.file.sha256:
            self.part.unlink()
            raise BundleCorrupt(
                f"{self._place} has sha256 {digest}, its manifest says {self.file.sha256}; upload it again."
            )

    def _complete(self) -> None:
        while (have := self._have()) < self.file.bytes:
            try:
                self._go_on(have)
            except StorageUnavailable as error:
                self.patience.again(error, progress=self._have() > have)

    def _go_on(self, have: int) -> None:
        """Read on from the end of the part; raises StorageUnavailable unless the file is then complete."""
        opened = self.source.open(self.name, have, only=self.tag)
        with closing(opened.pieces):
            if opened.offset > have:
                raise StorageUnavailable(
                    f"{self._place} was requested from byte {have} on, and is sent from byte {opened.offset} on."
                )
            if opened.size not in (None, self.file.bytes):
                size = f"{opened.size} bytes, its manifest says {self.file.bytes}"
                raise BundleCorrupt(f"{self._place} has {size}; upload it again.")
            self.tag = opened.tag
            self._write(opened)
        if (have := self._have()) < self.file.bytes:
            raise StorageUnavailable(f"{self._place} ended after {have} of {self.file.bytes} bytes.")

    def _write(self, opened: Opened) -> None:
        with self.part.open("ab") as file:
            file.truncate(opened.offset)
            for piece in opened.pieces:
                room = self.file.bytes - file.tell()
                file.write(piece[:room])
                file.flush()  # these bytes stay, however this process ends
                self.count(min(room, len(piece)))
                if len(piece) > room:
                    raise BundleCorrupt(f"{self._place} has more than the {self.file.bytes} bytes of its manifest.")
                self.patience.check(self.source)
            os.fsync(file.fileno())

    def _have(self) -> int:
        """Return how many bytes the part has; a part that is too long belongs to another file."""
        size = self.part.stat().st_size if self.part.exists() else 0
        if size > self.file.bytes:
            self.part.unlink()
            return 0
        return size

    def _digest(self) -> str:
        if not self.part.exists():
            self.part.touch()  # an empty file
        with self.part.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    @property
    def _place(self) -> str:
        return f"{self.source}/{self.name}"
