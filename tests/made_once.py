"""Directories that take seconds to make, such as packed models: made once for all sessions that would make the same."""

import fcntl
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


def sources(root: Path) -> str:
    """Return a digest of all that decides what a packed model is: our code, and the versions of the libraries."""
    files = [*sorted((root / "model").rglob("*.py")), root / "requirements-dev.txt"]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def made_once(config: pytest.Config, script: str, output: Path, make: Callable[[Path], object]) -> Path:
    """Copy to `output` what `make` makes at the path that it is given, unless an earlier session has made it.

    `script` is what `make` runs: with the sources, it decides whether it is made again.
    """
    key = hashlib.sha256(f"{script}\n{sources(config.rootpath)}".encode()).hexdigest()[:32]
    kept = config.cache.mkdir("made") / key
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # sessions of pytest-xdist start at the same time
        if not kept.exists():
            unfinished = kept.with_suffix(".unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            make(unfinished)
            unfinished.rename(kept)
    return Path(shutil.copytree(kept, output, dirs_exist_ok=True))
