"""The project's gunicorn.conf.py with a full garbage collection every hundredth request."""

import gc
import itertools
import runpy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

_OURS = runpy.run_path(str(Path(__file__).parents[1] / "gunicorn.conf.py"))
globals().update({setting: value for setting, value in _OURS.items() if not setting.startswith("_")})
_EVERY = 100


def post_worker_init(worker: Any) -> None:
    worker.wsgi = _collecting(worker.wsgi)
    _OURS["post_worker_init"](worker)


def _collecting(application: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    turn = itertools.count(1)

    def collect(environ: Any, start_response: Any) -> Iterable[bytes]:
        if next(turn) % _EVERY == 0:
            gc.collect()
        return application(environ, start_response)

    return collect
