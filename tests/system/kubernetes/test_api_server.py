"""A real API server takes every folder of deploy/kubernetes as it is: nothing is refused, dropped or changed."""

import copy

import pytest

from tests.system.deploy.conftest import APPLIED, OVERLAYS, one, rendered
from tests.system.kubernetes.versions import missing, of_1_20

pytestmark = pytest.mark.kubernetes
NAMESPACES = {"overlays/example": "churn", "overlays/object-storage": "fraud"}


@pytest.fixture(scope="module", autouse=True)
def namespaces(api):
    """Make the namespaces that the manifests name; delete what the tests have applied there."""
    for name in (*NAMESPACES.values(), "monitoring"):
        api.namespace(name)
    yield
    for folder in APPLIED:
        api.kubectl("delete", "--ignore-not-found", "--filename=-", document=documents(folder))


def documents(folder):
    return [of_1_20(each) for each in rendered(folder)]


def differences(documents, items):
    """Return what of the documents the API server did not keep as it was sent."""
    pairs = zip(documents, items, strict=True)
    return [f"{sent['kind']} {each}" for sent, got in pairs for each in missing(sent, got)]


@pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["by the client", "by the server"])
@pytest.mark.parametrize("folder", APPLIED)
def test_everything_is_taken_and_kept_as_it_is(api, folder, how):
    """Each document passes validation and admission, and comes back with all that was sent; twice changes nothing."""
    sent = documents(folder)
    apply = ("apply", *how, "--filename=-")
    api.kubectl(*apply, "--dry-run=server", document=sent)
    api.kubectl(*apply, document=sent)

    got = api.get("--filename=-", document=sent)

    assert [] == differences(sent, got.get("items", [got]))
    assert (0, "") == api.try_kubectl("diff", *how, "--filename=-", document=sent)[:2]


@pytest.mark.parametrize("folder", OVERLAYS)
def test_what_nobody_said_is_what_was_meant(api, folder):
    """The API server's defaults of a Deployment: nothing of the host, no privileges, always restarted."""
    api.kubectl("apply", "--filename=-", document=documents(folder))
    name = one(folder, "Deployment")["metadata"]["name"]
    spec = api.get("deployment", name, "--namespace", NAMESPACES[folder])["spec"]
    pod = spec["template"]["spec"]

    assert not {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"} & pod.keys()
    assert ("Always", "ClusterFirst") == (pod["restartPolicy"], pod["dnsPolicy"])
    assert 600 == spec["progressDeadlineSeconds"]
    assert 10 == spec["revisionHistoryLimit"]


def changed(document, *path, value):
    """Return the document with another value at that path."""
    copied = copy.deepcopy(document)
    *parents, last = path
    found = copied
    for each in parents:
        found = found[each]
    found[last] = value
    return copied


@pytest.mark.parametrize(
    ("kind", "path", "value", "said"),
    [
        ("Deployment", ("spec", "strategy", "rollingUpdate", "maxSurge"), 0, "may not be 0"),
        ("Deployment", ("spec", "selector", "matchLabels"), {"app": "other"}, "selector"),
        ("Deployment", ("spec", "template", "spec", "hostnetwork"), False, "unknown field"),
        ("HorizontalPodAutoscaler", ("spec", "maxReplicas"), 1, "maxReplicas"),
        ("NetworkPolicy", ("spec", "policyTypes"), ["Inwards"], "policyTypes"),
    ],
    ids=["no room", "others' pods", "a misspelt member", "fewer at most than at least", "no such policy"],
)
def test_a_mistake_is_refused(api, kind, path, value, said):
    """The check can fail."""
    wrong = changed(of_1_20(one("overlays/example", kind)), *path, value=value)
    status, _, err = api.try_kubectl("apply", "--dry-run=server", "--filename=-", document=[wrong])

    assert 0 != status
    assert said in err


def test_a_misspelt_member_of_a_custom_resource_is_dropped(api):
    """The API server prunes it: the comparison can fail."""
    monitor = one("overlays/object-storage", "ServiceMonitor")
    wrong = changed(monitor, "spec", "endpoints", 0, "intervall", value="15s")
    wrong = changed(wrong, "metadata", "name", value="wrong")
    got = api.kubectl(
        "create", "--dry-run=server", "--validate=false", "--output=json", "--filename=-", document=[wrong]
    )

    assert "intervall" not in got
