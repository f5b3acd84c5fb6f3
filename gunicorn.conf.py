"""gunicorn's settings, derived from ours, and its hooks. The master reads this file once.

Imports: everything.
"""

import math
import os
from typing import Any

from model.thread_limits import limit_threads
from service.config import limits, temporary_dirs
from service.config.exit_line import one_line_exit
from service.config.settings import Settings
from service.monitoring import std_streams
from service.server import early_signals

early_signals.end_at_once()
std_streams.protect()
limit_threads(os.environ)

with one_line_exit(1):
    settings = Settings.from_env(os.environ)
    limits.check(settings.web_concurrency)
    # The heartbeat touches a file; on a disk, that can block.
    worker_tmp_dir = str(temporary_dirs.choose(2 * settings.web_concurrency))
    from service.assembly import hosted_by  # imports numpy, which reads the thread limits that are set above
    from service.server import hooks

wsgi_app = "wsgi:app"
bind = [f"{settings.host}:{settings.port}", *([settings.admin_bind] if settings.admin_bind else [])]
preload_app = True
worker_class = "service.server.worker.Worker"
workers = settings.web_concurrency
threads = settings.threads
worker_connections = settings.worker_connections
# Each worker's main loop sends a heartbeat once a second, unless a prediction holds the interpreter's lock.
timeout = math.ceil(settings.predict_seconds) + 1
keepalive = settings.keepalive_seconds
graceful_timeout = settings.grace_seconds
loglevel = settings.log_level
logger_class = "service.monitoring.gunicorn_log.GunicornLogger"
# Nothing uses what a proxy says about scheme and path. So no header is believed, and addresses need not be compared.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
forwarded_allow_ips = "*"
# The control socket would run a thread in the master, whose locks a fork would inherit. Nobody needs its interface.
control_socket_disable = True


def on_starting(server: Any) -> None:
    hooks.on_starting(server, hosted_by(server.app))


when_ready, pre_fork, post_fork = hooks.when_ready, hooks.pre_fork, hooks.post_fork
post_worker_init = hooks.post_worker_init
