"""The proxies of deploy/ with a second version beside the first: a share of the requests for it, or copies of them."""

import shutil
import signal
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.system.reliability.fronts import free_port, haproxy_command, nginx_command, render, running


@dataclass(frozen=True)
class Rollout:
    """A proxy that runs: where it listens, and how to change the share of the canary, in percent."""

    front: Any
    set_share: Any


def _server(port):
    return f"server 127.0.0.1:{port};"


@contextmanager
def nginx_canary(folder, stable, canary, percent):
    port, between = free_port(), free_port()

    def set_up(share):
        groups = {"NGINX_STABLE": _server(stable), "NGINX_CANARY": _server(canary)}
        listen = {"NGINX_CANARY_LISTEN": f"127.0.0.1:{between}", "NGINX_CANARY_PERCENT": str(share)}
        render(folder, "canary.conf", **groups, **listen)

    set_up(percent)
    command, environ = nginx_command(folder, port, [between])
    with running(command, environ, folder, port) as front:

        def set_share(share):
            set_up(share)
            front.process.send_signal(signal.SIGHUP)  # `nginx -s reload`

        yield Rollout(front, set_share)


@contextmanager
def nginx_shadow(folder, live, shadow):
    port, between, copies = free_port(), free_port(), free_port()
    listen = {"NGINX_SHADOW_LISTEN": f"127.0.0.1:{between}", "NGINX_SHADOW_COPIES": f"127.0.0.1:{copies}"}
    render(folder, "shadow.conf", NGINX_LIVE=_server(live), NGINX_SHADOW=_server(shadow), **listen)
    command, environ = nginx_command(folder, port, [between])
    with running(command, environ, folder, port) as front:
        yield front


@contextmanager
def haproxy_canary(folder, stable, canary, percent):
    port, between, admin = free_port(), free_port(), folder / "admin"
    command, environ = haproxy_command(folder, port, [between, between])
    environ |= {"HAPROXY_CANARY_LISTEN": f"127.0.0.1:{between}", "HAPROXY_SOCKET": str(admin)}
    environ |= {"HAPROXY_STABLE": f"127.0.0.1:{stable}", "HAPROXY_STABLE_WEIGHT": str(100 - percent)}
    environ |= {"HAPROXY_CANARY": f"127.0.0.1:{canary}", "HAPROXY_CANARY_WEIGHT": str(percent)}
    command += ["-f", str(ROOT / "deploy/haproxy/canary.cfg")]
    with running(command, environ, folder, port) as front:
        yield Rollout(front, lambda share: _weights(admin, stable=100 - share, canary=share))


def _weights(admin, **weights):
    with socket.socket(socket.AF_UNIX) as asked:
        asked.connect(str(admin))
        said = "; ".join(f"set weight ml_service_versions/{name} {weight}" for name, weight in weights.items())
        asked.sendall(f"{said}\n".encode())
        answer = asked.makefile("rb").read()
    assert not answer.strip(), answer


@contextmanager
def haproxy_shadow(folder, live, shadow):
    port, between = free_port(), free_port()
    shutil.copy(ROOT / "deploy/haproxy/shadow.lua", folder)
    command, environ = haproxy_command(folder, port, [between, between])
    environ |= {"HAPROXY_SHADOW_LISTEN": f"127.0.0.1:{between}"}
    environ |= {"HAPROXY_LIVE": f"127.0.0.1:{live}", "HAPROXY_SHADOW": f"127.0.0.1:{shadow}"}
    command += ["-f", str(ROOT / "deploy/haproxy/shadow.cfg")]
    with running(command, environ, Path(folder), port) as front:
        yield front


CANARIES = {"nginx": nginx_canary, "haproxy": haproxy_canary}
SHADOWS = {"nginx": nginx_shadow, "haproxy": haproxy_shadow}
