"""Does work in a new process; verifies a bundle in one, which imports only what the server would import.

A pickle, or skops with own code, may depend on the packing process: on its `__main__`, or its working directory.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from model import loading
from model.bundle.trust import Trust
from model.errors import ModelError, UnsupportedEstimator

_ROOT: Final = Path(__file__).parents[2]
_SECONDS: Final = 600


def in_fresh_process(
    work: Callable[..., None], arguments: Sequence[str], seconds: int
) -> subprocess.CompletedProcess[bytes] | None:
    """Call one of our functions in a new process; return how that ended, or None if it took longer."""
    program = f"import sys; from {work.__module__} import {work.__name__}; {work.__name__}(*sys.argv[1:])"
    command = [sys.executable, "-c", program, *arguments]
    try:
        return subprocess.run(command, cwd=_ROOT, capture_output=True, timeout=seconds, check=False)  # noqa: S603  # without a shell
    except subprocess.TimeoutExpired:
        return None


def prove_in_fresh_process(folder: Path, trust: Trust) -> None:
    """Load a bundle and predict its golden rows in a new process, with each engine; raises ModelError."""
    code = "" if trust.code is None else str(trust.code.absolute())
    done = in_fresh_process(answer, [str(folder.absolute()), trust.pin or "", code, str(int(trust.pickle))], _SECONDS)
    if done is None:
        raise UnsupportedEstimator(f"the bundle was not loaded within {_SECONDS} s in a new process.")
    said = done.stdout.decode(errors="replace").strip().rpartition("\n")[2]
    if done.returncode or not said.startswith("{"):
        raise UnsupportedEstimator(
            f"a new process that loads the bundle, as the server would, ends with {done.returncode}: "
            f"{' '.join(done.stderr.decode(errors='replace').split())[-300:]}"
        )
    if found := json.loads(said):
        raise ModelError.of(
            found["code"], f"the bundle cannot be loaded in a new process, as the server would: {found['message']}"
        )


def answer(folder: str, pin: str, code: str, pickle: str) -> None:
    """Do the work of the new process, and print the error as JSON, {} if there is none."""
    trust = Trust(pin or None, pickle == "1", Path(code) if code else None)
    found = {}
    try:
        for compiled in (False, True):
            loading.verify(loading.load(Path(folder), trust, compiled=compiled))
    except ModelError as error:
        found = {"code": error.code, "message": str(error)}
    sys.stdout.write(f"\n{json.dumps(found)}")
