"""Finds out which scikit-learn wrote a model file, without loading it: no code in the file runs.

scikit-learn stores its version in the state of each estimator. In a pickle, the version is the string after the string
`_sklearn_version`, so the rest of the file need not be parsed. In a skops file, it is in the schema.
"""

import bz2
import importlib
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

_PIECE: Final = 2**20
_MOST: Final = 2**32  # bytes of a file that are searched, after decompression
_MOST_SCHEMA: Final = 2**28
_LONGEST: Final = 128  # bytes of the two strings and the opcodes between them
# The opcodes of strings in pickle's protocols 0 to 5, and the opcodes that memoize the first string.
_PICKLED: Final = re.compile(
    rb"(?:\x8c\x10|X\x10\x00\x00\x00|V)_sklearn_version(?:\x94|q.|r.{4}|\np\d+\n)?"
    rb"(?:(?:\x8c(?P<short>.)|X(?P<long>.)\x00\x00\x00)|V(?P<line>[^\n]{1,40})\n)",
    re.DOTALL,
)
_IN_SCHEMA: Final = re.compile(rb'"_sklearn_version":\s*\{[^{}]*?"content":\s*"\\"([^"\\]{1,40})\\""')
_IN_MLMODEL: Final = re.compile(
    r"^\s+(sklearn_version|python_version|pickled_model):\s*['\"]?([\w.+-]{1,99})['\"]?\s*$", re.MULTILINE
)
_VERSION: Final = re.compile(r"\d+\.\d[\w.+]*")


@dataclass(frozen=True)
class WrittenWith:
    """The versions that wrote a file, as far as the file states them."""

    sklearn: str | None = None
    python: str | None = None


def written_with(path: Path) -> WrittenWith:
    """Return the versions that a joblib, pickle or skops file, or an MLflow directory, states."""
    try:
        if path.is_dir():
            said = dict(_IN_MLMODEL.findall((path / "MLmodel").read_text()))
            found = written_with(path / said["pickled_model"]).sklearn
            return WrittenWith(found or said.get("sklearn_version"), said.get("python_version"))
        with path.open("rb") as file:
            head = file.read(8)
            file.seek(0)
            found = _in_skops(file) if head.startswith(b"PK\x03\x04") else _in_pickle(_pieces(file, head))
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, KeyError):
        return WrittenWith()  # the error of loading the file says what is wrong with it
    return WrittenWith(found if found and _VERSION.fullmatch(found) else None)


def _in_skops(file: IO[bytes]) -> str | None:
    with zipfile.ZipFile(file) as archive, archive.open("schema.json") as schema:
        found = _IN_SCHEMA.search(schema.read(_MOST_SCHEMA))
    return found[1].decode() if found else None


def _in_pickle(pieces: Iterator[bytes]) -> str | None:
    """Return the first version in a stream, which may be split between two pieces."""
    data, looked = b"", 0
    for piece in pieces:
        data = data[-_LONGEST:] + piece
        for found in _PICKLED.finditer(data):
            text = found["line"] or data[found.end() : found.end() + _length(found)]
            if found["line"] or len(text) == _length(found):
                return text.decode("latin-1")
        looked += len(piece)
        if looked > _MOST:
            break
    return None


def _length(found: re.Match[bytes]) -> int:
    return (found["short"] or found["long"])[0]


def _read(file: Any) -> Iterator[bytes]:
    return iter(lambda: file.read(_PIECE), b"")


def _inflated(file: IO[bytes]) -> Iterator[bytes]:
    """Decompress gzip and zlib; Python has no file object for zlib."""
    engine = zlib.decompressobj(zlib.MAX_WBITS | 32)
    for piece in _read(file):
        rest = piece
        while rest:
            yield engine.decompress(rest, _PIECE)
            rest = engine.unconsumed_tail


def _xz(file: IO[bytes]) -> Iterator[bytes]:
    with lzma.LZMAFile(file) as opened:
        yield from _read(opened)


def _lz4(file: IO[bytes]) -> Iterator[bytes]:
    try:
        return _read(importlib.import_module("lz4.frame").open(file))
    except ModuleNotFoundError:  # without lz4, joblib cannot read the file either
        return iter(())


# Compressions that joblib or others use, by a file's first bytes.
_COMPRESSIONS: Final[tuple[tuple[bytes, Callable[[IO[bytes]], Iterator[bytes]]], ...]] = (
    (b"x", _inflated),
    (b"\x1f\x8b", _inflated),
    (b"BZh", lambda file: _read(bz2.BZ2File(file))),
    (b"\xfd7zXZ", _xz),
    (b"\x5d\x00\x00", _xz),
    (b"\x04\x22\x4d\x18", _lz4),
)


def _pieces(file: IO[bytes], head: bytes) -> Iterator[bytes]:
    """Yield the content of a file, decompressed if it is compressed."""
    opened = next((opened for magic, opened in _COMPRESSIONS if head.startswith(magic)), _read)
    return opened(file)
