"""Puts a bundle into its directory in the place of the one before; whoever reads finds a whole one at any moment.

The directory itself stays, for it may be the mount point of a volume, or what a container has mounted. The names of a
version's files carry their digests, so they come to lie beside those of the version before; the manifest, which names
them, is renamed into place last. The files of the version before stay for whoever has just read its manifest; those of
older ones, and what interrupted packs have left, are removed.
"""

import fcntl
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from model.bundle.manifest import JOBLIB, MANIFEST, ONNX, SKOPS, Manifest, digest_of, encode_manifest, names_file
from model.errors import OutputRefused

STAGE: Final = ".packing"
_LOCK: Final = "lock"
_KINDS: Final = f"{SKOPS}|{JOBLIB}|{ONNX}"
_OURS: Final = re.compile(rf"model-[0-9a-f]{{12}}\.({_KINDS})")
_OLD: Final = re.compile(rf"model\.({_KINDS})")  # as format 1 had them


def name_files(content: Mapping[str, bytes]) -> dict[str, bytes]:
    """Give content by its kind the name of its file."""
    return {f"model-{digest_of(data)[:12]}.{kind}": data for kind, data in content.items()}


def write_files(folder: Path, manifest: Manifest, content: Mapping[str, bytes]) -> str:
    """Write a bundle's files, by their names, to the disk; returns the manifest's digest. Raises OutputRefused."""
    encoded = encode_manifest(manifest)
    try:
        for name, data in {**content, MANIFEST: encoded}.items():
            with (folder / name).open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise _refusal(folder.parent, error) from error
    return digest_of(encoded)


@contextmanager
def staging_directory(directory: Path) -> Iterator[Path]:
    """Give a folder to make a bundle in; put that in place if the block ends well, else leave all as it was.

    What is in the directory must be a bundle, or nothing. Raises OutputRefused, also while another process does this.
    """
    place = directory.resolve()
    made = not place.exists()
    stage = place / STAGE
    try:
        _check(place)
        stage.mkdir(parents=True, exist_ok=True)
        lock = _lock(stage)
    except OSError as error:
        raise _refusal(directory, error) from error
    try:
        _clear(stage)  # what a pack that was killed has left
        yield stage
        try:
            _put(stage, place)
        except OSError as error:
            raise _refusal(directory, error) from error
    finally:
        with suppress(OSError):
            _clear(stage)
            (stage / _LOCK).unlink()
            stage.rmdir()
            if made:
                place.rmdir()  # which it can only be if nothing has come of it
        os.close(lock)


def _check(place: Path) -> None:
    if not place.exists() or (place.is_dir() and (place / MANIFEST).exists()):
        return
    if not place.is_dir() or any(path.name != STAGE and not _OURS.fullmatch(path.name) for path in place.iterdir()):
        raise OutputRefused(f"{place} is there and is no bundle; name a directory that is new, empty or a bundle.")


def _lock(stage: Path) -> int:
    """Return a descriptor that holds the lock of the stage; the kernel frees it with the process."""
    lock = os.open(stage / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_nlink:  # else its holder has just removed it
            return lock
    os.close(lock)
    raise OutputRefused(f"another process is putting a bundle into {stage.parent}; try again when that has ended.")


def _put(stage: Path, place: Path) -> None:
    manifest = place / MANIFEST
    before = manifest.read_bytes() if manifest.exists() else b""
    now = (stage / MANIFEST).read_bytes()
    for path in stage.iterdir():
        if path.name not in (MANIFEST, _LOCK) and not _same(path, place / path.name):
            path.replace(place / path.name)
    _sync(place)  # a power cut must not leave the manifest without its files
    (stage / MANIFEST).replace(manifest)
    _sync(place)
    for path in place.iterdir():
        ours = _OURS.fullmatch(path.name) or _OLD.fullmatch(path.name)
        if ours and not names_file(now, path.name) and not names_file(before, path.name):
            with suppress(OSError):  # it only takes up room
                path.unlink()


def _same(path: Path, other: Path) -> bool:
    """Say whether the other file is there and whole; then it stays, and the manifest is the first thing to change."""
    return other.is_file() and path.read_bytes() == other.read_bytes()


def _clear(stage: Path) -> None:
    for path in stage.iterdir():
        if path.name != _LOCK:
            path.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # not every file system can do this
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refusal(directory: Path, error: OSError) -> OutputRefused:
    return OutputRefused(
        f"{directory} cannot be written ({error.strerror}) and is as it was; make room, or name another directory."
    )
