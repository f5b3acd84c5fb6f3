"""The floors' gunicorn: every setting of the project's gunicorn.conf.py, FLOOR_WORKER, and not its application."""

import os
import runpy
import sys
from pathlib import Path
from typing import Any

from service.process_table import ProcessTable
from service.server.hooks import SWITCH_SECONDS
from service.serving.model_swap import freeze_heap

_OURS = runpy.run_path(str(Path(__file__).parents[3] / "gunicorn.conf.py"))
globals().update({setting: value for setting, value in _OURS.items() if isinstance(value, str | int | float | list)})
wsgi_app = f"benchmarks.peers.floors.app:{os.environ['FLOOR']}"
worker_class = os.environ["FLOOR_WORKER"]


def when_ready(server: Any) -> None:
    freeze_heap()


def post_worker_init(worker: Any) -> None:
    sys.setswitchinterval(SWITCH_SECONDS)
    if worker_class != "gthread":
        worker.slot = "w0"
        worker.set_up(_OURS["settings"], ProcessTable())
