"""Runs the reference proxies of deploy/ unchanged, each in front of two instances on free ports."""

import os
import re
import shutil
import socket
import subprocess
from contextlib import contextmanager, suppress

from tests.conftest import ROOT
from tests.system.conftest import Reachable, end, eventually

# What Debian's own nginx.conf says around the files of conf.d, with everything in one folder.
NGINX_MAIN = """
user root;
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
    include {folder}/conf.d/*.conf;
}}
"""


def program(name):
    """Return the path of a program; one that is missing fails the test."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    assert found, f"{name} is not installed: `make test-proxies` installs it when run as root"
    return found


def free_port():
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Front(Reachable):
    """A proxy to which requests are sent, known by its port and its output."""

    def __init__(self, port, output):
        self.port, self._output = port, output

    def takes(self, name):
        """Return whether an instance, by its name in the configuration, is up according to the proxy's output."""
        said = re.findall(rf"Server ml_service/{name} is (UP|DOWN)", self._output.read_text())
        return not said or said[-1] == "UP"


def render(folder, template, **values):
    """Render a template of deploy/nginx into the folder that nginx reads, as its first lines say."""
    command = [program("envsubst"), " ".join(f"${name}" for name in values)]
    environ = {"PATH": os.environ["PATH"], **values}
    source = (ROOT / f"deploy/nginx/{template}.template").read_bytes()
    done = subprocess.run(command, input=source, env=environ, capture_output=True, check=True)
    (folder / "conf.d").mkdir(exist_ok=True)
    (folder / "conf.d" / template).write_bytes(done.stdout)


def nginx_command(folder, port, backends):
    """Return the command, and what its environment gets."""
    servers = " ".join(f"server 127.0.0.1:{backend} max_fails=3 fail_timeout=2s;" for backend in backends)
    render(folder, "ml-service.conf", NGINX_LISTEN=f"127.0.0.1:{port}", NGINX_BACKENDS=servers)
    (folder / "nginx.conf").write_text(NGINX_MAIN.format(folder=folder))
    return [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", str(folder / "errors")], {}


def haproxy_command(folder, port, backends):
    """Return the command, and what its environment gets."""
    first, second = (f"127.0.0.1:{backend}" for backend in backends)
    environ = {"HAPROXY_LISTEN": f"127.0.0.1:{port}", "HAPROXY_BACKEND_1": first, "HAPROXY_BACKEND_2": second}
    return [program("haproxy"), "-db", "-f", str(ROOT / "deploy/haproxy/haproxy.cfg")], environ


COMMANDS = {"nginx": nginx_command, "haproxy": haproxy_command}
FRONTS = ["direct", *COMMANDS]


@contextmanager
def proxying(kind, folder, servers):
    """Run a proxy in front of two servers, or of one server twice; yields the proxy."""
    port = free_port()
    command, environ = COMMANDS[kind](folder, port, [server.port for server in (servers * 2)[:2]])
    with running(command, environ, folder, port) as front:
        yield front


@contextmanager
def running(command, environ, folder, port):
    """Run a proxy that listens on the port; yields it."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environ}, stdout=output, stderr=output)
    front = Front(port, folder / "output")
    front.process = process

    def answers():
        assert process.poll() is None, (folder / "output").read_text()
        with suppress(OSError), front.connect() as connection:
            return connection.ask("GET", "/health/ready")[0] == 200
        return False

    try:
        eventually(answers, f"{command[0]} answers")
        yield front
    finally:
        end(process)
