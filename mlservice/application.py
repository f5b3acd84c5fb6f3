"""Where the application is, and the environment variables of a process that runs it."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_HERE: Final = Path(__file__).parent
# In a wheel it is a folder beside this file; in a checkout, and where one is installed with `pip install -e`, above it.
_PLACES: Final = (_HERE / "application", _HERE.parent)
# Read by the allocator when Python starts, as in the image.
_ARENAS: Final = "2"


def root() -> Path:
    """Return the folder that has the application's packages."""
    return next(place for place in _PLACES if (place / "model/__main__.py").exists())


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return variables with which Python finds the application's packages before any others of their names.

    They are added to this process's own. The current directory is not on the import path of a process that has them,
    whatever files are there. What is on the caller's PYTHONPATH stays.
    """
    given = {"MALLOC_ARENA_MAX": _ARENAS, "ML_SERVICE_PROGRAM": "ml-service", **os.environ, **(environ or {})}
    paths = [str(root()), *filter(None, [given.get("PYTHONPATH")])]
    return {**given, "PYTHONPATH": os.pathsep.join(paths), "PYTHONSAFEPATH": "1"}
