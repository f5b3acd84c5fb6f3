"""Packs a model file of another scikit-learn version in an environment that is made for that version.

The command imports this when it runs: the serving images have no environments.
"""

import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Final

from model.commands.console import Console
from model.commands.framework import Session
from model.environments.making import pack_by_hand, python_of
from model.environments.pins import ROOT, SKLEARN
from model.environments.serving import sklearn_needed
from model.environments.written_with import written_with
from model.errors import VersionMismatch

OLDEST: Final = (1, 3)


def packed_elsewhere(path: Path, output: Path, place: Path | None, session: Session, console: Console) -> int | None:
    """Pack a file of another scikit-learn version in an environment of that version, and return the exit code.

    `place` is the folder of environments, None if none may be made. Returns None for a file of this version, or without
    a version. Raises VersionMismatch, which says what to do.
    """
    made = written_with(path)
    if made.sklearn is None or made.sklearn == version(SKLEARN):
        return None
    said = f"{path} was written with scikit-learn {made.sklearn}, and {version(SKLEARN)} is here"
    if tuple(map(int, re.findall(r"\d+", made.sklearn)[:2])) < OLDEST:
        raise VersionMismatch(f"{said}: files of 1.3 and later can be packed; fit the model again with one of these.")
    by_hand = pack_by_hand(made.sklearn, session.arguments)
    if place is None:
        raise VersionMismatch(f"{said}: leave out --no-env, or pack it with that version yourself: {by_hand}")
    console.note(f"{said}: packing it with its own version")
    try:
        python = python_of(made.sklearn, made.python, place, console.note)
    except VersionMismatch as error:
        raise VersionMismatch(f"{said}, and there is no environment of it: {error}; by hand: {by_hand}") from None
    status = _run(python, session)
    needed = None if status else sklearn_needed(output)
    if needed:
        console.note(
            f"it is served with scikit-learn {needed}: `{session.program} serve {output}` makes the environment, "
            f"and in a checkout `make image BUNDLE={output}` the image"
        )
    return status


def _run(python: Path, session: Session) -> int:
    """Run the same command in the other environment, where this checkout comes first in PYTHONPATH."""
    name, *rest = session.arguments
    paths = [str(ROOT), *filter(None, [session.environ.get("PYTHONPATH")])]
    environ = {**session.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [str(python), "-m", "model", name, "--no-env", *rest]
    return subprocess.run(command, env=environ, check=False).returncode  # noqa: S603  # the caller's own arguments
