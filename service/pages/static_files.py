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
    """A file's content, and its content type."""

    content: bytes
    content_type: str


@dataclass(frozen=True)
class StaticFiles:
    """Files by their paths on the server; `directory` is what they have in common.

    It has a hash of all files in it, and modules import each other by relative paths, so that all of them can be cached
    for ever.
    """

    directory: str
    files: Mapping[str, StaticFile]

    @classmethod
    def read(cls, source: Path = DIRECTORY) -> "StaticFiles":
        """Read the files of a directory that have a known type."""
        contents = {path.name: path.read_bytes() for path in sorted(source.iterdir()) if path.suffix in _TYPES}
        digests = [f"{name} {hashlib.sha256(content).hexdigest()}\n" for name, content in contents.items()]
        directory = f"/static/{hashlib.sha256(''.join(digests).encode()).hexdigest()[:16]}"
        files = {
            f"{directory}/{name}": StaticFile(content, _TYPES[Path(name).suffix]) for name, content in contents.items()
        }
        return cls(directory, MappingProxyType(files))
