"""Docker engines of the tests' own, each in a network namespace like a machine of its own, and all on one switch."""

import os
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.system.conftest import end, eventually
from tests.system.networks import NAMESPACES, enter, inside, namespace, run

STARTED = 60.0


class Engine:
    """A Docker engine: its address on the switch, its commands, and what can be asked from its place."""

    def __init__(self, name, namespace, address, folder):
        self.name, self.namespace, self.address, self.folder = name, namespace, address, folder
        self.host = f"unix://{folder}/socket"

    def docker(self, *arguments, **environ):
        """Run a docker command on this engine."""
        return run("docker", "--host", self.host, *arguments, env={**os.environ, **environ})

    def enter(self):
        """Take the calling thread into this engine's network, where the ports that it publishes are on 127.0.0.1."""
        enter(NAMESPACES / self.namespace)

    def inside(self, function, *arguments):
        """Return what a function says that is called in this engine's network."""
        return inside(NAMESPACES / self.namespace, function, *arguments)

    def up(self):
        with suppress(AssertionError):
            return self.docker("info", "--format", "{{.ServerVersion}}")
        return ""


@contextmanager
def daemon(engine):
    """Run an engine, whose containers are gone at the end."""
    # A namespace of names too, so that each engine has its own hostname.
    settings = {"--data-root": "data", "--exec-root": "exec", "--pidfile": "pid"}
    paths = " ".join(f"{option}={engine.folder / name}" for option, name in settings.items())
    command = f"hostname {engine.name} && exec dockerd {paths} --host={engine.host} --storage-driver=overlay2"
    namespace = f"--net={NAMESPACES / engine.namespace}"
    with (engine.folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["nsenter", namespace, "unshare", "--uts", "sh", "-c", command], stdout=log, stderr=log
        )
    try:
        eventually(engine.up, f"engine {engine.name}", STARTED)
        yield engine
    finally:
        with suppress(AssertionError):
            engine.docker("swarm", "leave", "--force")
        if containers := engine.docker("ps", "--all", "--quiet").split():
            engine.docker("rm", "--force", "--volumes", *containers)
        end(process)


@contextmanager
def engines(names):
    """Run engines that reach each other and nothing else."""
    mine = f"mls{os.getpid()}"
    folder = Path(tempfile.mkdtemp(prefix="engines-"))
    with ExitStack() as stack:
        stack.callback(folder.rmdir)
        # In memory: images are unpacked faster, and gone at once.
        run("mount", "-t", "tmpfs", "-o", "size=4g", "engines", folder)
        stack.callback(run, "umount", "--lazy", folder)
        switch = stack.enter_context(namespace(mine))
        run("ip", "-n", switch, "link", "add", "switch", "up", "type", "bridge")
        found = []
        for number, name in enumerate(names, 1):
            place = stack.enter_context(namespace(f"{mine}-{number}"))
            run(
                "ip", "-n", switch, "link", "add", f"port{number}", "up", "type", "veth", "peer", "eth0", "netns", place
            )
            run("ip", "-n", switch, "link", "set", f"port{number}", "master", "switch")
            run("ip", "-n", place, "addr", "add", f"198.18.0.{number}/24", "dev", "eth0")
            run("ip", "-n", place, "link", "set", "eth0", "up")
            # Docker takes the address of a node from its default route.
            run("ip", "-n", place, "route", "add", "default", "via", "198.18.0.254")
            (folder / name).mkdir()
            found.append(Engine(name, place, f"198.18.0.{number}", folder / name))
        for engine in found:
            stack.enter_context(daemon(engine))
        yield found
