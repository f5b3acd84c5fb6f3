"""A Kubernetes in networks of its own: an API server alone, or a cluster of three nodes."""

import json
import os
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.made_once import made_once
from tests.system.conftest import DEADLINE, PACK_VERSION, eventually
from tests.system.kubernetes import images as service_images
from tests.system.kubernetes.control import ADDRESS, api_server, controllers
from tests.system.kubernetes.nodes import nodes
from tests.system.networks import NAMESPACES, enter, namespace, run
from tests.system.reliability.load import Load, watching
from tests.system.swarm.images import pack_models

DEFINITIONS = {"operator_crds.py": ".venv-deploy", "kserve_crds.py": ".venv-clients"}
CLIENTS, RATE = 10, 100
SETTLED = 240.0
# No pod may do more than the server needs: what Kubernetes' documentation calls restricted, and no writable root.
RESTRICTED = {
    "apiVersion": "policy/v1beta1",
    "kind": "PodSecurityPolicy",
    "metadata": {
        "name": "restricted",
        "annotations": {"seccomp.security.alpha.kubernetes.io/allowedProfileNames": "runtime/default"},
    },
    "spec": {
        "privileged": False,
        "allowPrivilegeEscalation": False,
        "requiredDropCapabilities": ["ALL"],
        "readOnlyRootFilesystem": True,
        "volumes": ["configMap", "emptyDir", "projected", "secret", "downwardAPI", "persistentVolumeClaim"],
        "runAsUser": {"rule": "MustRunAsNonRoot"},
        "runAsGroup": {"rule": "MustRunAs", "ranges": [{"min": 1, "max": 65535}]},
        "supplementalGroups": {"rule": "MustRunAs", "ranges": [{"min": 1, "max": 65535}]},
        "fsGroup": {"rule": "MustRunAs", "ranges": [{"min": 1, "max": 65535}]},
        "seLinux": {"rule": "RunAsAny"},
    },
}


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


@pytest.fixture(scope="session")
def models(pytestconfig, tmp_path_factory):
    """Return the folder of the models."""
    return made_once(pytestconfig, PACK_VERSION, tmp_path_factory.mktemp("models"), pack_models)


@pytest.fixture(scope="session")
def joined(api):
    """Run three nodes, and what decides about pods; no pod may do more than the policy allows."""
    api.kubectl("apply", "--filename=-", document=[RESTRICTED])
    with controllers(api), nodes(api, 3) as found:
        eventually(lambda: api.try_kubectl("get", *(f"node/{each.name}" for each in found))[0] == 0, "nodes", SETTLED)
        api.kubectl("wait", "--for=condition=ready", "node", "--all", f"--timeout={SETTLED:.0f}s")
        yield found


@pytest.fixture(scope="session")
def images(joined, clone, models, tmp_path_factory):
    """Give the nodes the images; return the name of each model's, by its digest."""
    archive = service_images.save(clone, models, tmp_path_factory.mktemp("images"))
    names = dict.fromkeys(service_images.IN_CONTAINERD.values(), service_images.NAMED)
    with ThreadPoolExecutor() as threads:
        found, *_ = threads.map(lambda node: node.load(archive, names), joined)
    archive.unlink()
    return {model: found[name] for model, name in service_images.IN_CONTAINERD.items()}


@pytest.fixture
def watched(joined, report):
    """Return a block during which a release is asked for predictions at the address of its Service.

    Each must have been answered with 200, unless some may be `lost`. A client waits for it for `timeout` seconds.
    """

    def during(release, *, lost=False, timeout=DEADLINE):
        network = NAMESPACES / joined[0].place
        load = Load(80, CLIENTS, RATE, enter=partial(enter, network), host=release.address(), timeout=timeout)
        return watching(load, SETTLED, report, lost=lost)

    return during
