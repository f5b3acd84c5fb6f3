"""nginx and HAProxy as deploy/ has them: what a request costs them, and two replicas behind them."""

import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from benchmarks import load, servers
from benchmarks.capacity.figures import Pair, Proxy
from benchmarks.capacity.replicas import BUSY, SERVER, Lengths, bodies
from benchmarks.contestants import ROOT
from benchmarks.measure import say
from benchmarks.models import Case, Fitted

_NGINX = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/errors;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    ssl_certificate {folder}/both.pem;
    ssl_certificate_key {folder}/both.pem;
    include {folder}/ml-service.conf;
}}
"""
_SECONDS = 30.0
_PATH = f"{os.environ['PATH']}:/usr/sbin"


@dataclass(frozen=True)
class Front:
    """A proxy that runs: its port, and the processes that are it."""

    port: int
    pids: list[int]


def _certificate(folder: Path) -> None:
    both = folder / "both.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made += ["-addext", "subjectAltName=IP:127.0.0.1"]
    subprocess.run([*made, "-keyout", folder / "key.pem", "-out", folder / "cert.pem"], check=True, capture_output=True)
    both.write_bytes((folder / "cert.pem").read_bytes() + (folder / "key.pem").read_bytes())


def _nginx(folder: Path, port: int, backends: Sequence[int], *, tls: bool) -> tuple[list[str], dict[str, str]]:
    names = "$NGINX_LISTEN $NGINX_BACKENDS"
    ours = " ".join(f"server 127.0.0.1:{each} max_fails=3 fail_timeout=2s;" for each in backends)
    environ = {"PATH": _PATH, "NGINX_LISTEN": f"127.0.0.1:{port}{' ssl' * tls}", "NGINX_BACKENDS": ours}
    template = (ROOT / "deploy/nginx/ml-service.conf.template").read_bytes()
    done = subprocess.run(["envsubst", names], input=template, env=environ, capture_output=True, check=True)
    (folder / "ml-service.conf").write_bytes(done.stdout)
    (folder / "nginx.conf").write_text(_NGINX.format(folder=folder))
    return ["nginx", "-p", str(folder), "-c", f"{folder}/nginx.conf", "-e", f"{folder}/errors"], {}


def _haproxy(folder: Path, port: int, backends: Sequence[int], *, tls: bool) -> tuple[list[str], dict[str, str]]:
    text = (ROOT / "deploy/haproxy/haproxy.cfg").read_text()
    bind = 'bind "${HAPROXY_LISTEN}"'
    if bind not in text:
        raise ValueError(f"deploy/haproxy/haproxy.cfg has no {bind} any more")
    (folder / "haproxy.cfg").write_text(text.replace(bind, f"{bind} ssl crt {folder}/both.pem") if tls else text)
    first, second = (f"127.0.0.1:{each}" for each in (*backends, *backends)[:2])
    environ = {"HAPROXY_LISTEN": f"127.0.0.1:{port}", "HAPROXY_BACKEND_1": first, "HAPROXY_BACKEND_2": second}
    return ["haproxy", "-db", "-f", f"{folder}/haproxy.cfg"], environ


# Much arithmetic for few bytes: what proxy and load need beside it is small.
HEAVY = Case(
    "heavy",
    "RandomForest(500), iris",
    lambda: RandomForestClassifier(n_estimators=500, random_state=0),
    load_iris,
)
KINDS = {"nginx": _nginx, "HAProxy": _haproxy}


@contextmanager
def proxying(kind: str, folder: Path, backends: Sequence[int], cores: str, *, tls: bool = False) -> Iterator[Front]:
    """Run a proxy with one thread in front of servers, on some cores, until the block ends."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    _certificate(folder)
    (port,) = servers.free_ports(1)
    command, environ = KINDS[kind](folder, port, backends, tls=tls)
    others = set(servers.descendants())
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "--cpu-list", cores, *command],
            env={**os.environ, "PATH": _PATH, **environ},
            stdout=output,
            stderr=output,
        )
    try:
        _wait(port, folder / "both.pem" if tls else None)
        yield Front(port, [pid for pid in servers.descendants() if pid not in others])
    finally:
        process.terminate()
        process.wait(_SECONDS)


def _wait(port: int, certificate: Path | None) -> None:
    """Wait until the proxy passes requests on."""
    end = time.monotonic() + _SECONDS
    while time.monotonic() < end:
        with suppress(OSError, HTTPException):
            if _asked(port, certificate) == 200:
                return
        time.sleep(0.02)
    raise servers.ServerFailedError(f"the proxy did not answer within {_SECONDS:g} s")


def _asked(port: int, certificate: Path | None) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    if certificate:
        context = ssl.create_default_context(cafile=certificate)
        connection = HTTPSConnection("127.0.0.1", port, timeout=5, context=context)
    try:
        connection.request("GET", "/health/ready")
        return connection.getresponse().status
    finally:
        connection.close()


def proxies(fitted: Fitted, work: Path, lengths: Lengths) -> list[Proxy]:
    """Measure what one row costs each proxy, plain, by TLS, and with a new TLS connection for each request.

    The server has a core, the proxy and the load share the other.
    """
    plain = bodies(fitted, 1)
    kinds = {
        "HTTP": plain,
        "TLS": replace(plain, scheme="https"),
        "TLS, a connection for each request": replace(plain, scheme="https", headers={"Connection": "close"}),
    }
    found = []
    with servers.serving(SERVER, fitted.folder, fitted.singles()[0]) as server:
        for name in KINDS:
            for kind, sent in kinds.items():
                tls = sent.scheme == "https"
                with proxying(name, work / "front", [server.port], str(servers.LOAD_CORE), tls=tls) as front:
                    found.append(_cost(f"{name}, {kind}", front, sent, lengths))
    return found


def _cost(title: str, front: Front, sent: load.Bodies, lengths: Lengths) -> Proxy:
    load.once(front.port, sent, BUSY[1], lengths.warm_up)
    before = servers.cpu_seconds(front.pids)
    sample = load.once(front.port, sent, BUSY[1], lengths.full)
    seconds = (servers.cpu_seconds(front.pids) - before) / (sample.rate * lengths.full)
    say(f"  {title}: {seconds * 1e6:.0f} us a request, at {sample.rate:.0f}/s")
    return Proxy(title, seconds, sample.rate, sample.failed)


def pairs(fitted: Fitted, rows: int, work: Path, lengths: Lengths) -> list[Pair]:
    """Measure one replica and then two behind each proxy, each replica on a core of its own.

    There is no third core: proxy and load run on both, on what the replicas leave them.
    """
    sent = bodies(fitted, rows)
    twin = work / "twin"
    shutil.copytree(fitted.folder, twin)
    cores = f"{servers.SERVER_CORE},{servers.LOAD_CORE}"
    row, found = fitted.singles()[0], []
    with (
        servers.serving(SERVER, fitted.folder, row) as first,
        servers.serving(SERVER, twin, row, core=servers.LOAD_CORE) as second,
    ):
        for name in KINDS:
            rates = []
            for backends in ([first.port], [first.port, second.port]):
                with proxying(name, work / "front", backends, cores) as front:
                    load.once(front.port, sent, 2 * BUSY[rows], lengths.warm_up)
                    own = [pid for pid in servers.descendants() if pid not in front.pids]
                    before = servers.cpu_seconds(own)
                    rates.append(load.once(front.port, sent, 2 * BUSY[rows], lengths.full, cores))
                    used = (servers.cpu_seconds(own) - before) / lengths.full
            say(f"  {name}: {rates[0].rate:.0f}/s of one, {rates[1].rate:.0f}/s of two; replicas used {used:.2f} cores")
            found.append(
                Pair(
                    f"{fitted.case.title}, {rows} rows",
                    name,
                    rates[0].rate,
                    rates[1].rate,
                    max(2 - used, 0),
                    rates[0].failed + rates[1].failed,
                )
            )
    return found
