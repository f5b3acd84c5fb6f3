"""The project's gunicorn.conf.py with a full garbage collection every hundredth request."""

import gc
import itertools
import runpy
from pathlib import Path
from typing import Any

globals().update(
    {
        setting: value
        for setting, value in runpy.run_path(str(Path(__file__).parents[1] / "gunicorn.conf.py")).items()
        if not setting.startswith("_")
    }
)
_EVERY = 100
_turn = itertools.count(1)


def post_request(worker: Any, request: Any, environ: Any, response: Any) -> None:
    if next(_turn) % _EVERY == 0:
        gc.collect()
