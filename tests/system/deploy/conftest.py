"""What kustomize makes of each folder of deploy/kubernetes that can be applied."""

import subprocess
from functools import cache

import yaml

from tests.conftest import ROOT

FOLDER = ROOT / "deploy/kubernetes"
BIN = ROOT / ".venv-deploy/bin"
# Those that run the server by a Deployment, and all that can be applied.
OVERLAYS = ("overlays/example", "overlays/object-storage")
APPLIED = (*OVERLAYS, "kserve", "knative", "prometheus")


@cache
def rendered(folder):
    """Return the documents that kustomize makes of a folder."""
    done = subprocess.run([BIN / "kubectl", "kustomize", FOLDER / folder], capture_output=True, check=True)
    assert b"" == done.stderr, "kustomize warns of nothing"
    return list(yaml.safe_load_all(done.stdout))


def one(folder, kind):
    """Return the only document of that kind."""
    (found,) = (each for each in rendered(folder) if kind == each["kind"])
    return found


def pod_spec(folder):
    """Return what says how the pods of a folder run: they are three levels deep, but for a ServingRuntime."""
    workload = next(
        each
        for each in rendered(folder)
        if each["kind"] in {"Deployment", "ServingRuntime"} or each["apiVersion"].startswith("serving.knative.dev")
    )
    return workload["spec"]["template"]["spec"] if "template" in workload["spec"] else workload["spec"]


def containers(folder):
    """Return all containers of the pods of a folder, those that run before the server first."""
    spec = pod_spec(folder)
    return [*spec.get("initContainers", ()), *spec["containers"]]
