"""The manifests as kustomize makes them, against the schemas of Kubernetes and of the operators."""

import copy
import json
import subprocess

import pytest
import yaml

from tests.conftest import ROOT
from tests.system.deploy.conftest import APPLIED, BIN, OVERLAYS, one, rendered

pytestmark = pytest.mark.deploy
CUSTOM = ("keda.sh/", "monitoring.coreos.com/", "serving.knative.dev/", "serving.kserve.io/")


def is_custom(document):
    return document["apiVersion"].startswith(CUSTOM)


def validate(path, documents, *options):
    """Run kubernetes-validate, which knows what Kubernetes itself has."""
    path.write_text(yaml.safe_dump_all(documents))
    command = [BIN / "kubernetes-validate", "--strict", *options, path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("version", ["1.30.0", "1.34.0", "1.37.0"])
def test_manifests_are_valid(version, tmp_path):
    """Strictly: no member that this version of Kubernetes does not know."""
    documents = [each for folder in OVERLAYS for each in rendered(folder) if not is_custom(each)]
    status, said = validate(tmp_path / "all.yaml", documents, "-k", version)

    assert (0, len(documents)) == (status, said.count(" passed for ")), said


def test_a_misspelt_member_is_found(tmp_path):
    """The check can fail."""
    wrong = changed(one(OVERLAYS[0], "Deployment"), "template", "spec", "hostnetwork", value=False)

    assert 0 != validate(tmp_path / "wrong.yaml", [wrong])[0]


def changed(document, *path, value):
    """Return the document with another value at that path of its spec."""
    copied = copy.deepcopy(document)
    *parents, last = path
    found = copied["spec"]
    for each in parents:
        found = found[each]
    found[last] = value
    return copied


def faults(path, documents, python, program):
    """Return what a program of another environment has against each of the documents."""
    path.write_text(json.dumps(documents))
    command = [ROOT / python, ROOT / "tests/deploy" / program, path]
    return json.loads(subprocess.run(command, capture_output=True, check=True).stdout)


def test_custom_resources_are_valid(tmp_path):
    """Each has just the members, types and values that its operator's published schema names; others are found."""
    right = [
        each
        for folder in APPLIED
        for each in rendered(folder)
        if is_custom(each) and not each["apiVersion"].startswith("serving.kserve")
    ]
    monitor, rule = one(OVERLAYS[1], "ServiceMonitor"), one("prometheus", "PrometheusRule")
    wrong = [
        changed(monitor, "endpoints", 0, "intervall", value="15s"),
        changed(monitor, "endpoints", 0, "interval", value="15 seconds"),
        changed(rule, "groups", 0, "rules", 0, "for", value=5),
        changed(one(OVERLAYS[1], "ScaledObject"), "triggers", 0, value={"type": "cpu"}),
        changed(one("knative", "Service"), "template", "spec", "containerConcurrency", value="16"),
    ]
    found = faults(tmp_path / "all.json", [*right, *wrong], ".venv-deploy/bin/python", "operators.py")

    assert {"PrometheusRule", "ScaledObject", "Service", "ServiceMonitor"} == {each["kind"] for each in right}
    assert [None] * len(right) == found[: len(right)]
    assert all(found[len(right) :])


def test_what_kserve_is_given_is_valid(tmp_path):
    """The classes of KServe's SDK take it, and know each of its members and types; others are found."""
    right = rendered("kserve")
    runtime, service = right
    wrong = [
        changed(runtime, "containers", 0, "readynessProbe", value={}),
        changed(runtime, "multiModel", value="no"),
        changed(service, "predictor", "model", "storageUrl", value="s3://models/churn/7"),
    ]
    found = faults(tmp_path / "all.json", [*right, *wrong], ".venv-clients/bin/python", "kserve_resources.py")

    assert [None, None] == found[:2]
    assert all(found[2:])
