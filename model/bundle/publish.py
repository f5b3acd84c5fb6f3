"""Replaces the bundle in a directory so that readers find a complete one at any moment.

The directory itself stays, because it may be a mount point. The names of a bundle's files contain their digests, so the
files can be written beside those of the previous bundle; the manifest, which names them, is renamed into place last.
The previous bundle's files stay for readers of its manifest; older files, and files of interrupted packs, are removed.
"""

import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from model.bundle.files import write_file
from model.bundle.manifest import JOBLIB, MANIFEST, ONNX, SKOPS, Manifest, digest_of, encode_manifest, names_file
from model.bundle.trust import SIGNATURE
from model.errors import NoRoom, OutputRefused

STAGE: Final = ".packing"
FETCHED: Final = ".fetching"  # the folder of files that are being fetched
PART: Final = ".part"
_LOCK: Final = "lock"
_KINDS: Final = f"{SKOPS}|{JOBLIB}|{ONNX}"
_OURS: Final = re.compile(rf"model-[0-9a-f]{{12}}\.({_KINDS})")
_OLD: Final = re.compile(rf"model\.({_KINDS})")  # in format 1


def name_files(content: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return contents by the names of their files, given the contents by kind."""
    return {f"model-{digest_of(data)[:12]}.{kind}": data for kind, data in content.items()}


def write_files(folder: Path, manifest: Manifest, content: Mapping[str, bytes]) -> str:
    """Write a bundle's files to the disk and return the manifest's digest; raises OutputRefused."""
    encoded = encode_manifest(manifest)
    try:
        for name, data in {**content, MANIFEST: encoded}.items():
            write_file(folder / name, data)
    except OSError as error:
        raise _refusal(folder.parent, error) from error
    return digest_of(encoded)


@contextmanager
def staging_directory(directory: Path) -> Iterator[Path]:
    """Yield a folder to write a bundle into; publish the bundle unless the block raises, else change nothing.

    The directory must contain a bundle, or nothing. Raises OutputRefused, also while another process publishes there.
    """
    place = directory.resolve()
    made = not place.exists()
    stage = place / STAGE
    try:
        lock = _enter(stage, place)
    except OSError as error:
        raise _refusal(directory, error) from error
    if lock is None:
        raise OutputRefused(f"another process is packing into {place}; try again when it has finished.")
    try:
        _clear(stage)  # a killed pack may have left files
        yield stage
        try:
            _publish(stage, place)
        except OSError as error:
            raise _refusal(directory, error) from error
    finally:
        _leave(stage, lock, made=made)


@contextmanager
def fetching_directory(directory: Path, wait: Callable[[], object]) -> Iterator[Path]:
    """Yield a folder to fetch a bundle into; publish the bundle unless the block raises, else change nothing.

    Unfinished files, whose names end with PART, stay in the folder for the next fetch. While another process fetches
    into the directory, `wait` is called repeatedly. Raises OutputRefused, and NoRoom if the disk is full.
    """
    place = directory.resolve()
    made = not place.exists()
    stage = place / FETCHED
    try:
        while (lock := _enter(stage, place)) is None:
            wait()
        try:
            yield stage
            _publish(stage, place)
        finally:
            _leave(stage, lock, made=made)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoom(f"{place} has no room for the bundle ({error.strerror}); free some, and try again.") from None
        raise _refusal(directory, error) from error


def _enter(stage: Path, place: Path) -> int | None:
    """Make the stage, and return a descriptor that holds its lock; None if another process has it.

    The kernel releases the lock when the process ends.
    """
    _check(place)
    stage.mkdir(parents=True, exist_ok=True)
    lock = os.open(stage / _LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    with suppress(BlockingIOError):
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(lock).st_nlink:  # otherwise the last holder has just removed the file
            return lock
    os.close(lock)
    return None


def _leave(stage: Path, lock: int, *, made: bool) -> None:
    """Remove the stage unless it has unfinished files, and the directory if it was `made` and is empty; unlock."""
    with suppress(OSError):
        if not any(path.suffix == PART for path in stage.iterdir()):
            _clear(stage)
            (stage / _LOCK).unlink()
            stage.rmdir()
        if made:
            stage.parent.rmdir()  # fails unless it is empty
    os.close(lock)


def _check(place: Path) -> None:
    if not place.exists() or (place.is_dir() and (place / MANIFEST).exists()):
        return
    if not place.is_dir() or any(
        path.name not in (STAGE, FETCHED) and not _OURS.fullmatch(path.name) for path in place.iterdir()
    ):
        raise OutputRefused(f"{place} exists and is not a bundle; name a directory that is new, empty or a bundle.")


def _publish(stage: Path, place: Path) -> None:
    manifest = place / MANIFEST
    before = manifest.read_bytes() if manifest.exists() else b""
    now = (stage / MANIFEST).read_bytes()
    for path in stage.iterdir():
        whole = path.name == SIGNATURE or names_file(now, path.name)
        if whole and not _same(path, place / path.name):
            path.replace(place / path.name)
    _sync(place)  # a power failure must not leave the manifest without its files
    (stage / MANIFEST).replace(manifest)
    _sync(place)
    for path in place.iterdir():
        ours = _OURS.fullmatch(path.name) or _OLD.fullmatch(path.name)
        if ours and not names_file(now, path.name) and not names_file(before, path.name):
            with suppress(OSError):  # an old file only takes up space
                path.unlink()


def _same(path: Path, other: Path) -> bool:
    """Return whether the other file has the same content, so that it need not be replaced."""
    return other.is_file() and path.read_bytes() == other.read_bytes()


def _clear(stage: Path) -> None:
    for path in stage.iterdir():
        if path.name != _LOCK:
            path.unlink()


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # not every file system supports this
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refusal(directory: Path, error: OSError) -> OutputRefused:
    return OutputRefused(
        f"{directory} cannot be written ({error.strerror}) and is unchanged; free space, or name another directory."
    )
