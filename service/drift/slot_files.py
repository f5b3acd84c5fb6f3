"""The files in which workers share their windows: one for each slot, of a fixed layout.

A file's space is allocated before it is mapped; otherwise, a write would kill the process when memory runs out. A
worker that takes the slot of a killed one goes on in its file, unless that one served another model.
"""

import mmap
import os
from pathlib import Path
from typing import Final

import numpy as np

from service.drift.ring import HEAD, SLICES, Slices

PREFIX: Final = "drift-"
_DIGEST: Final = 32
_HEADER: Final = 64  # the digest of the model, and how many counts a slice has
_INTEGER: Final = 8


def in_memory(counts: int) -> Slices:
    """Return slices that no other process sees."""
    return np.zeros((SLICES, HEAD + counts), dtype=np.int64)


def size_of(counts: int) -> int:
    """Return the size of a file in bytes."""
    return _HEADER + SLICES * (HEAD + counts) * _INTEGER


def open_slot(directory: Path, slot: str, digest: str, counts: int) -> Slices:
    """Return the slices of a slot, in its file; raises OSError if there is no room."""
    header, size, path = _header(digest, counts), size_of(counts), directory / f"{PREFIX}{slot}"
    content = _content(path)
    if len(content) != size or not content.startswith(header):
        _make(path, header, size)
    with path.open("r+b") as file:
        mapped = mmap.mmap(file.fileno(), size)
    return np.frombuffer(mapped, dtype=np.int64, offset=_HEADER).reshape(SLICES, HEAD + counts)


def read_slots(directory: Path, digest: str, counts: int) -> list[Slices]:
    """Return the slices of all slots whose workers serve the model, or served it last."""
    header, size = _header(digest, counts), size_of(counts)
    contents = [_content(path) for path in sorted(directory.glob(f"{PREFIX}*"))]
    return [
        np.frombuffer(content, dtype=np.int64, offset=_HEADER).reshape(SLICES, HEAD + counts)
        for content in contents
        if len(content) == size and content.startswith(header)
    ]


def _make(path: Path, header: bytes, size: int) -> None:
    """Make an empty file; it replaces one that a process may still have mapped."""
    made = path.with_name(f".{path.name}")
    with made.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
        file.write(header)
    made.replace(path)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # there is no such file, or no descriptor is left
        return b""


def _header(digest: str, counts: int) -> bytes:
    return (bytes.fromhex(digest)[:_DIGEST] + counts.to_bytes(_INTEGER, "little")).ljust(_HEADER, b"\0")
