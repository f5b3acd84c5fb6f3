"""Programs of Kubernetes in network namespaces of their own, each set of which is gone at the end of its block."""

import ctypes
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.system.conftest import end

BUILT = ROOT / ".venv-kubernetes"
NAMESPACES = Path("/run/netns")
# Where the programs find each other: ours, then Debian's, then the machine's (mount, iptables).
PATH = f"{BUILT}/bin:{BUILT}/debian/usr/bin:{BUILT}/debian/usr/sbin:{os.environ['PATH']}:/usr/sbin:/sbin"
STARTED = 120.0
SHOWN = 5_000  # characters of a log
CLONE_NEWNET = 0x40000000


def run(*command, **options):
    """Run a command, and return what it prints; one that fails fails the test."""
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
    return done.stdout.strip()


@contextmanager
def namespace(name):
    """Make a network of its own, which reaches nothing yet."""
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        run("ip", "netns", "del", name)


def enter(place):
    """Take the calling thread into a network."""
    with (NAMESPACES / place).open() as network:
        assert ctypes.CDLL(None).setns(network.fileno(), CLONE_NEWNET) == 0


def inside(place, function, *arguments):
    """Return what a function says that is called in a network."""
    with ThreadPoolExecutor(1, initializer=enter, initargs=(place,)) as thread:
        return thread.submit(function, *arguments).result()


@contextmanager
def program(place, folder, *command, unshare=()):
    """Run a program in a network, with its log in the folder; `unshare` are namespaces that it has for itself."""
    command = [str(each) for each in command]
    prefix = ["nsenter", f"--net={NAMESPACES / place}", *unshare]
    folder.mkdir(exist_ok=True)
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(
            [*prefix, *command],
            cwd=folder,
            stdout=log,
            stderr=log,
            env={**os.environ, "PATH": PATH, "HOME": str(folder)},
        )
    try:
        yield process
    finally:
        if process.poll() is not None:
            sys.stderr.write(Path(log.name).read_text()[-SHOWN:])  # with the failure that it will have caused
        end(process)
