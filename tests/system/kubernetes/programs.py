"""Programs of Kubernetes in network namespaces of their own, each set of which is gone at the end of its block."""

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import ROOT
from tests.system.conftest import end
from tests.system.networks import NAMESPACES

BUILT = ROOT / ".venv-kubernetes"
# Where the programs find each other: ours, then Debian's, then the machine's (mount, iptables).
PATH = f"{BUILT}/bin:{BUILT}/debian/usr/bin:{BUILT}/debian/usr/sbin:{os.environ['PATH']}:/usr/sbin:/sbin"
STARTED = 120.0
SHOWN = 5_000  # characters of a log


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
