"""gunicorn's settings, from ours, and its hooks. Run once in the master, and again on each SIGHUP."""

import math
import os
from typing import Any

from service import ending, enough, streams
from service.exits import one_line_exit
from service.places import place_for
from service.settings import THREAD_LIMITS, Settings

ending.at_once()
streams.protect()
for name in THREAD_LIMITS:
    os.environ.setdefault(name, "1")

with one_line_exit(1):
    settings = Settings.from_env(os.environ)
    enough.check(settings.workers)
    # The heartbeat touches a file; on a disk that can block for as long as the disk does.
    worker_tmp_dir = str(place_for(2 * settings.workers))
    from service import lifecycle  # imports numpy, which reads the limits of threads

wsgi_app = "wsgi:app"
bind = [f"{settings.host}:{settings.port}", *([settings.admin_bind] if settings.admin_bind else [])]
preload_app = True
worker_class = "service.worker.Worker"
workers = settings.workers
threads = settings.threads
worker_connections = settings.connections
# Each worker's main loop says once a second that it lives; a prediction that lets nothing else run stops that.
timeout = math.ceil(settings.predict_seconds) + 1
keepalive = settings.keepalive_seconds
graceful_timeout = settings.grace_seconds
loglevel = settings.log_level
logger_class = "service.gunicornlog.GunicornLogger"
# What a proxy says of scheme and path is not used, so nobody is believed, and whom to believe need not be worked out.
secure_scheme_headers: dict[str, str] = {}
forwarder_headers = ""
forwarded_allow_ips = "*"
# It is a thread in the master, where a fork would inherit its locks, and an interface nobody asked for.
control_socket_disable = True
# The C parser is an optional package; which one parses must not depend on what else is installed.
http_parser = "python"


def on_starting(server: Any) -> None:
    lifecycle.take_charge(server)


def when_ready(server: Any) -> None:
    lifecycle.listening(server)


def pre_fork(server: Any, worker: Any) -> None:
    lifecycle.take_slot(server, worker)


def post_fork(server: Any, worker: Any) -> None:
    lifecycle.enter_slot(server, worker)


def post_worker_init(worker: Any) -> None:
    lifecycle.warm_up(worker)
