"""A bundle in a folder of this machine (file://), such as a network file system."""

import os
import stat
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from model.errors import BundleCorrupt, BundleMissing, StorageDenied, StorageUnavailable
from model.storage.source import PIECE, Changed, NotChanged, Opened
from model.storage.uris import ModelUri


@dataclass(frozen=True)
class LocalFiles:
    """Files of one folder."""

    folder: Path

    @staticmethod
    def of(uri: ModelUri) -> "LocalFiles":
        """Return the folder that a URI names."""
        return LocalFiles(Path(unquote(uri.parts.path)))

    def __str__(self) -> str:
        """Return its path."""
        return str(self.folder)

    def open(self, name: str, offset: int = 0, *, only: str | None = None, unless: str | None = None) -> Opened:
        """Begin to read a file; see Source."""
        path = self.folder / name
        try:
            # O_NONBLOCK: opening a FIFO must not wait for its other end.
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            raise BundleMissing(f"there is no {path}; correct the URI, or put the bundle there.") from None
        except PermissionError:
            user = os.geteuid()
            raise StorageDenied(f"user id {user} may not read {path}: grant it read access.") from None
        except OSError as error:
            raise StorageUnavailable(f"{path} cannot be read: {error.strerror}.") from None
        found = os.fstat(descriptor)
        tag = f"{found.st_dev}-{found.st_ino}-{found.st_mtime_ns}-{found.st_size}"
        problem = _problem(found, path, tag, only, unless)
        if problem:
            os.close(descriptor)
            raise problem
        return Opened(tag, found.st_size, offset, _pieces(descriptor, offset, path))


def _problem(found: os.stat_result, path: Path, tag: str, only: str | None, unless: str | None) -> Exception | None:
    if not stat.S_ISREG(found.st_mode):
        return BundleCorrupt(f"{path} is no regular file; name the folder of a bundle.")
    if unless == tag:
        return NotChanged()
    return Changed() if only not in (None, tag) else None


def _pieces(descriptor: int, offset: int, path: Path) -> Generator[bytes, None, None]:
    with open(descriptor, "rb", buffering=0) as file:  # a descriptor has no path
        file.seek(offset)
        try:
            while piece := file.read(PIECE):
                yield piece
        except OSError as error:
            raise StorageUnavailable(f"{path} cannot be read: {error.strerror}.") from None
