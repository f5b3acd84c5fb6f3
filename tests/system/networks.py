"""Network namespaces of the tests' own, like machines of their own."""

import ctypes
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

NAMESPACES = Path("/run/netns")
CLONE_NEWNET = 0x40000000


def run(*command, err=False, **options):
    """Run a command, and return what it prints, on stdout or, if asked, on stderr; one that fails fails the test."""
    done = subprocess.run([str(each) for each in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stderr}{done.stdout}"
    return (done.stderr if err else done.stdout).strip()


@contextmanager
def namespace(name):
    """Make a network namespace, from which nothing can be reached yet, and delete it at the end."""
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        run("ip", "netns", "del", name)


def enter(network):
    """Take the calling thread into a network namespace, given as its file."""
    with network.open() as opened:
        assert ctypes.CDLL(None).setns(opened.fileno(), CLONE_NEWNET) == 0


def inside(network, function, *arguments):
    """Return what a function says that is called in a network namespace."""
    with ThreadPoolExecutor(1, initializer=enter, initargs=(network,)) as thread:
        return thread.submit(function, *arguments).result()
