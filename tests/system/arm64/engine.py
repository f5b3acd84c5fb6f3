"""A Docker engine of a newer Debian than this machine's, which builds, keeps and runs images of several processors."""

import json
import os
import subprocess
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.conftest import ROOT
from tests.system.conftest import Reachable, end, eventually
from tests.system.networks import inside, run

FOLDER = ROOT / ".venv-arm64"
PLATFORMS = ["linux/amd64", "linux/arm64"]
STARTED = 60.0
SLOW = 900.0  # emulation is, and a busy machine even more


class Engine:
    """The engine; what it built is kept, and the next run builds what has changed."""

    def __init__(self, folder):
        self.folder, self.host = folder, f"unix://{folder}/socket"

    def docker(self, *arguments, err=False):
        """Run a docker command, with Debian's buildx."""
        environ = {**os.environ, "DOCKER_CONFIG": str(self.folder), "DOCKER_HOST": self.host}
        return run("docker", *arguments, err=err, env=environ)

    def build(self, tag, context):
        """Build an image for both processors at once."""
        platforms = ",".join(PLATFORMS)
        self.docker("buildx", "build", "--network", "host", "--platform", platforms, "--tag", tag, context)

    def up(self):
        with suppress(AssertionError):
            return self.docker("info", "--format", "{{.ServerVersion}}")
        return ""


class Container(Reachable):
    """A container without a network but its own loopback, where it is asked."""

    port = 8000

    def __init__(self, engine, platform, *options):
        self.docker = engine.docker
        self.name = self.docker("run", "--detach", "--network", "none", "--platform", platform, *options)

    def state(self, path):
        return json.loads(self.docker("inspect", "--format", "{{json .State." + path + "}}", self.name))

    def inside(self, function, *arguments):
        """Return what a function says that is called in the container's network."""
        return inside(Path(f"/proc/{self.state('Pid')}/ns/net"), function, *arguments)

    def wait_until_ready(self):
        def ready():
            assert self.state("Running"), self.logs()
            with suppress(OSError):
                return self.inside(self.ready) == 200
            return False

        eventually(ready, "ready", SLOW)

    def logs(self):
        return self.docker("logs", self.name, err=True)

    def stop(self):
        """Ask it to end, and return its exit status."""
        self.docker("stop", "--time", str(int(SLOW)), self.name)
        return self.state("ExitCode")


@contextmanager
def engine():
    """Run the engine, whose containers are gone at the end."""
    found = Engine(FOLDER / "state")
    (found.folder / "cli-plugins").mkdir(parents=True, exist_ok=True)
    plugin = found.folder / "cli-plugins/docker-buildx"
    plugin.unlink(missing_ok=True)
    plugin.symlink_to(FOLDER / "engine/usr/libexec/docker/cli-plugins/docker-buildx")
    # The store that keeps images of several platforms under one name.
    (found.folder / "daemon.json").write_text('{"features": {"containerd-snapshotter": true}}')
    settings = {"--config-file": "daemon.json", "--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
    paths = [f"{option}={found.folder / name}" for option, name in settings.items()]
    its_usr = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /usr && exec "$@"', FOLDER / "engine/usr"]
    with bridge([*its_usr, "ip"]) as name, (found.folder / "log").open("wb") as log:
        networks = [f"--bridge={name}", "--ip-forward=false", "--iptables=false", "--ip6tables=false"]
        process = subprocess.Popen(
            [*its_usr, "dockerd", *paths, f"--host={found.host}", *networks], stdout=log, stderr=log
        )
        try:
            eventually(found.up, "engine", STARTED)
            yield found
        finally:
            if containers := found.docker("ps", "--all", "--quiet").split():
                found.docker("rm", "--force", "--volumes", *containers)
            end(process)


@contextmanager
def bridge(ip):
    """Make a bridge to which nothing is connected.

    With the default one, or with none, the engine would change or remove that of the machine's own engine.
    """
    name = f"mls{os.getpid()}"
    run(*ip, "link", "add", name, "type", "bridge")
    try:
        run(*ip, "addr", "add", "198.18.255.1/24", "dev", name)
        yield name
    finally:
        run(*ip, "link", "del", name)
