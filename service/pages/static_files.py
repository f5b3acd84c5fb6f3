"""The static files of the pages: a fixed table, with a path that changes when any of them does."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

DIRECTORY: Final = Path(__file__).parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class StaticFile:
    """A file of a known type by its path on disk."""

    source: Path

    @property
    def content_type(self) -> str:
        """The value of Content-Type."""
        return _TYPES[self.source.suffix]

    @property
    def content(self) -> bytes:
        """The file's content."""
        return self.source.read_bytes()


@dataclass(frozen=True)
class StaticFiles:
    """Files by their paths on the server, all below `directory`.

    The directory's name has a hash of all the files, and the modules import each other by relative paths, so that all
    files can be cached for ever.
    """

    directory: str
    files: Mapping[str, StaticFile]

    @classmethod
    def read(cls, source: Path = DIRECTORY) -> "StaticFiles":
        """Read the files of a directory that have a known type."""
        files = [StaticFile(path) for path in sorted(source.iterdir()) if path.suffix in _TYPES]
        digests = [f"{file.source.name} {hashlib.sha256(file.content).hexdigest()}\n" for file in files]
        directory = f"/static/{hashlib.sha256(''.join(digests).encode()).hexdigest()[:16]}"
        return cls(directory, MappingProxyType({f"{directory}/{file.source.name}": file for file in files}))
