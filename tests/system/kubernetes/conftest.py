"""A Kubernetes API server in a network of its own."""

import json
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.system.conftest import eventually
from tests.system.kubernetes.control import ADDRESS, api_server
from tests.system.kubernetes.programs import namespace, run

DEFINITIONS = {"operator_crds.py": ".venv-deploy", "kserve_crds.py": ".venv-clients"}
SETTLED = 240.0  # seconds, on a machine that does much else


@contextmanager
def switch(name):
    """Make a network whose only address is the API server's; nodes can be joined to it."""
    with namespace(name):
        run("ip", "-n", name, "link", "add", "switch", "up", "type", "bridge")
        run("ip", "-n", name, "addr", "add", f"{ADDRESS}/24", "dev", "switch")
        run("ip", "-n", name, "route", "add", "default", "via", "198.18.0.253")
        yield name


@pytest.fixture(scope="session")
def api():
    """Run an API server that knows the resources of other operators, too."""
    folder = Path(tempfile.mkdtemp(prefix="kubernetes-", dir="/dev/shm"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        place = stack.enter_context(switch(f"mlk{os.getpid()}"))
        found = stack.enter_context(api_server(place, folder))
        for program, environment in DEFINITIONS.items():
            command = [ROOT / environment / "bin/python", ROOT / "tests/deploy" / program]
            made = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            found.kubectl("apply", "--server-side", "--filename=-", document=made)
        established = ("wait", "--for=condition=established", "crd", "--all", "--timeout=60s")
        eventually(lambda: found.try_kubectl(*established)[0] == 0, "definitions", SETTLED)
        yield found
