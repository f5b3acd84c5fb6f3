"""What a table of numbers is worth nothing without: which versions, on what, when, by which command."""

import argparse
import datetime
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks.contestants import CONTESTANTS, PEERS, ROOT

_OURS = ("gunicorn", "flask", "marshmallow", "numpy", "scikit-learn")


def of_the_machine(options: argparse.Namespace) -> dict[str, str]:
    """Return what the results are headed with."""
    found = machine()
    ours = found.pop("ml-service")
    command = (
        f"make bench ROUNDS={options.rounds} SECONDS={options.seconds}"
        f' PEERS="{" ".join(options.peers)}" MODELS="{" ".join(options.models)}" PARTS="{" ".join(options.parts)}"'
    )
    return {**found, "Command": command, "ml-service": ours, **{name: _pins(name) for name in options.peers}}


def machine() -> dict[str, str]:
    """Return when and on what is measured, and our versions."""
    cpu = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    cores = len(re.findall(r"^processor\s*:", Path("/proc/cpuinfo").read_text(), re.MULTILINE))
    wrk = subprocess.run(["wrk", "--version"], capture_output=True, text=True, check=False).stdout.split()
    return {
        "Date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "Commit": _commit(),
        "CPU": f"{cpu.group(1) if cpu else platform.machine()}, {cores} cores",
        "System": f"{platform.system()} {platform.release()}, Python {platform.python_version()}, wrk {wrk[1]}",
        "ml-service": ", ".join(f"{name} {version(name)}" for name in _OURS),
    }


def _commit() -> str:
    """Return the revision that was measured, and whether the tree had other changes than results."""
    say = ["git", "-C", str(ROOT)]
    revision = subprocess.run([*say, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*say, "status", "--porcelain"], capture_output=True, text=True, check=False).stdout
    dirty = [
        line
        for line in changed.splitlines()
        if not re.search(r"benchmarks/(results\.|capacity\.json)|docs/scale\.md", line)
    ]
    return revision.stdout.strip() + (" with uncommitted changes" if dirty else "")


def _pins(environment: str) -> str:
    """Return the versions that matter, of a peer's pinned file."""
    pinned = (PEERS / environment / "requirements.txt").read_text()
    pins = dict(re.findall(r"^([\w.-]+)(?:\[\w+\])?==(\S+)", pinned, re.MULTILINE))
    package = next(each.package for each in CONTESTANTS if each.environment == environment)
    return ", ".join(f"{name} {pins[name]}" for name in (package, "uvicorn", "numpy", "scikit-learn") if name in pins)
