"""Makes an isolated environment of a scikit-learn version, once, or says how; later calls return the same one.

An environment is complete if it has its mark, which is written last. A process that finds no mark makes the environment
anew, while others wait for its lock, which the kernel releases when the process ends.
"""

import fcntl
import hashlib
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from model.environments.pins import ROOT, SKLEARN, blocks, requirements
from model.errors import VersionMismatch
from model.missing import IMPORTED

PACKING: Final = ROOT / "requirements-train.txt"
OLDEST_PYTHON: Final = (3, 11)
_MARK: Final = "complete"
_SHOWN: Final = 400  # characters of uv's message


def python_of(
    version: str, python: str | None, folder: Path, say: Callable[[str], None], uv: str | None = None
) -> Path:
    """Return the Python of an environment that packs with a scikit-learn release; make the environment if necessary.

    `python` is the preferred Python version, and `uv` the program that makes environments, by default the one that is
    installed with this Python. Raises VersionMismatch if there are no pins of the release, or the environment cannot be
    made.
    """
    text = requirements(version, PACKING)
    if text is None:
        raise VersionMismatch(f"no packages are pinned for scikit-learn {version}")
    short = _short(python)
    place = folder / f"{SKLEARN}-{version}-python-{short}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
    try:
        with _locked(place, say):
            if not ((place / _MARK).exists() and python_in(place).exists()):
                say(f"making an environment of scikit-learn {version}, once, in {place}")
                _make(uv or _installed_uv(), place, text, short, say)
                (place / _MARK).touch()
    except OSError as error:
        raise VersionMismatch(f"{place} cannot be written ({error.strerror})") from None
    return python_in(place)


def pack_by_hand(version: str, arguments: Sequence[str]) -> str:
    """Return the shell commands that make an environment of a scikit-learn release and run a command of ours in it."""
    place = f"{SKLEARN}-{version}"
    pins = {name: f"{name}=={found}" for name, found, _ in reversed([*blocks(requirements(version, PACKING) or "")])}
    pins.setdefault(SKLEARN, f"{SKLEARN}=={version}")
    packages = [pins.get(re.split("[<>]", each)[0], each) for each in (*IMPORTED.values(), "scipy")]
    command = shlex.join([f"{place}/bin/python", "-m", "model", *arguments])
    return (
        f"python3.11 -m venv {place} && {place}/bin/pip install {shlex.join(packages)} && "
        f"PYTHONPATH={shlex.quote(str(ROOT))} {command}"
    )


def python_in(place: Path) -> Path:
    """Return the Python of an environment."""
    return place / "bin/python"


def _short(python: str | None) -> str:
    """Return the minor version of the wanted Python; this process's own if none is wanted, or one that is too old."""
    wanted = [int(part) for part in (python or "").split(".")[:2] if part.isdecimal()]
    known = len(wanted) == len(OLDEST_PYTHON) and tuple(wanted) >= OLDEST_PYTHON
    return ".".join(map(str, wanted if known else sys.version_info[:2]))


def _make(uv: str, place: Path, text: str, python: str, say: Callable[[str], None]) -> None:
    try:
        _run([uv, "venv", "--clear", "--python", _interpreter(python), str(place)])
    except VersionMismatch as error:
        if _interpreter(python) == sys.executable:
            raise
        say(f"there is no Python {python} to be had ({error}): taking this one")
        _run([uv, "venv", "--clear", "--python", sys.executable, str(place)])
    file = place / "requirements.txt"
    file.write_text(text)
    options = ["--require-hashes", "--only-binary", ":all:", "--python", str(python_in(place))]
    _run([uv, "pip", "install", *options, "-r", str(file)])


def _interpreter(python: str) -> str:
    return sys.executable if python == ".".join(map(str, sys.version_info[:2])) else python


def _installed_uv() -> str:
    """Return the path of the uv beside this Python, or of another on PATH."""
    beside = Path(sysconfig.get_path("scripts")) / "uv"
    found = str(beside) if beside.exists() else shutil.which("uv")
    if found is None:
        raise VersionMismatch("uv, which makes environments, is not installed (pip install uv)")
    return found


def _run(command: Sequence[str]) -> None:
    done = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise VersionMismatch(" ".join(done.stderr.split())[:_SHOWN] or f"uv ended with {done.returncode}")


@contextmanager
def _locked(place: Path, say: Callable[[str], None]) -> Iterator[None]:
    place.parent.mkdir(parents=True, exist_ok=True)
    with (place.parent / f"{place.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that makes {place}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
