"""The manifests of deploy/kubernetes keep the rules of a server that is stopped, scaled and attacked."""

import re

import pytest
import yaml

from tests.conftest import ROOT

FOLDER = ROOT / "deploy/kubernetes"
BOOT_SECONDS = 60  # the default


def documents(path):
    return [each for each in yaml.safe_load_all((FOLDER / path).read_text()) if each is not None]


@pytest.fixture
def deployment():
    (found,) = documents("base/deployment.yaml")
    return found["spec"]["template"]["spec"]


@pytest.fixture
def container(deployment):
    (found,) = deployment["containers"]
    return found


@pytest.fixture
def environ(container):
    return {each["name"]: each["value"] for each in container["env"]}


def containers():
    """Return each container of a manifest by its file."""
    (runtime,) = documents("kserve/servingruntime.yaml")
    (knative,) = documents("knative/service.yaml")
    (deployment,) = documents("base/deployment.yaml")
    return {
        "base": deployment["spec"]["template"]["spec"]["containers"],
        "kserve": runtime["spec"]["containers"],
        "knative": knative["spec"]["template"]["spec"]["containers"],
    }


def test_each_probe_has_its_own_question(container):
    """Readiness is about load, liveness about the process; what starts slowly is not ended for it."""
    paths = {name: container[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "readiness", "liveness")}
    startup, readiness, liveness = (container[f"{name}Probe"] for name in ("startup", "readiness", "liveness"))

    assert {"startup": "/health/ready", "readiness": "/health/ready", "liveness": "/health/live"} == paths
    assert startup["periodSeconds"] * startup["failureThreshold"] > BOOT_SECONDS
    assert readiness["periodSeconds"] * readiness["failureThreshold"] <= 2
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 30


def test_a_pod_drains_before_it_is_killed(deployment, container, environ):
    """Drain and grace, with room to spare, are shorter than what the kubelet waits."""
    drain, grace = int(environ["DRAIN_SECONDS"]), int(environ["GRACE_SECONDS"])
    readiness = container["readinessProbe"]

    assert drain + grace + 2 <= deployment["terminationGracePeriodSeconds"]
    assert drain > 2 * readiness["periodSeconds"] * readiness["failureThreshold"]


@pytest.mark.parametrize("name", ["base", "kserve", "knative"])
def test_a_container_may_do_nothing_that_the_server_does_not_need(name):
    """No root, no further privileges, no capabilities, the runtime's system call filter."""
    (found,) = containers()[name]
    context = found["securityContext"]

    assert context["allowPrivilegeEscalation"] is False
    assert ["ALL"] == context["capabilities"]["drop"]


@pytest.mark.parametrize("name", ["kserve", "knative"])
def test_a_container_on_a_platform_runs_as_the_image_says(name):
    """Nobody is root there either."""
    (found,) = containers()[name]

    assert found["securityContext"]["runAsNonRoot"] is True
    assert {"type": "RuntimeDefault"} == found["securityContext"]["seccompProfile"]


def test_a_pod_is_nobody_and_writes_nowhere_but_in_memory_and_tmp(deployment, container):
    """As the tests of the image run it."""
    context = deployment["securityContext"]

    assert (True, 10001, "RuntimeDefault") == (
        context["runAsNonRoot"],
        context["runAsUser"],
        context["seccompProfile"]["type"],
    )
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert deployment["automountServiceAccountToken"] is False
    assert {"/tmp", "/dev/shm"} == {mount["mountPath"] for mount in container["volumeMounts"]}
    assert all("sizeLimit" in volume["emptyDir"] for volume in deployment["volumes"])


@pytest.mark.parametrize("name", ["base", "kserve", "knative"])
def test_requests_equal_limits(name):
    """The number of workers follows from the quota, which the scheduler then really gives."""
    (found,) = containers()[name]

    assert found["resources"]["requests"] == found["resources"]["limits"]
    assert {"cpu", "memory"} == found["resources"]["limits"].keys()


def test_pods_are_spread_and_only_one_is_taken_at_a_time(deployment):
    """One zone, one node or one drained node costs one pod's share at most."""
    (budget,) = documents("base/poddisruptionbudget.yaml")
    keys = [each["topologyKey"] for each in deployment["topologySpreadConstraints"]]

    assert ["topology.kubernetes.io/zone", "kubernetes.io/hostname"] == keys
    assert 1 == budget["spec"]["maxUnavailable"]


def test_a_rollout_starts_pods_before_it_stops_others():
    """Capacity never falls below what was there."""
    (found,) = documents("base/deployment.yaml")

    assert {"maxSurge": 1, "maxUnavailable": 0} == found["spec"]["strategy"]["rollingUpdate"]
    assert "replicas" not in found["spec"]  # the autoscaler's


def test_the_autoscaler_goes_by_the_cpu_that_pods_request(container):
    """There is room for the minute that new pods take, and two pods at least, of which one may go."""
    (found,) = documents("base/hpa.yaml")
    (metric,) = found["spec"]["metrics"]

    assert ("cpu", {"type": "Utilization", "averageUtilization": 70}) == (
        metric["resource"]["name"],
        metric["resource"]["target"],
    )
    assert "cpu" in container["resources"]["requests"]
    assert found["spec"]["minReplicas"] >= 2


def test_metrics_are_only_for_prometheus_and_the_server_connects_to_nobody(container, environ):
    """What the public address does not answer is on a port of its own, which other namespaces do not reach."""
    (policy,) = documents("base/networkpolicy.yaml")
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    rules = [[port["port"] for port in rule["ports"]] for rule in policy["spec"]["ingress"]]

    assert f"0.0.0.0:{ports['admin']}" == environ["ADMIN_BIND"]
    assert [["http"], ["admin"]] == rules
    assert [] == policy["spec"]["egress"]
    assert {"Ingress", "Egress"} == set(policy["spec"]["policyTypes"])


def test_images_are_named_by_digest():
    """A tag may mean another image tomorrow."""
    (found,) = documents("overlays/example/kustomization.yaml")
    named = {each["image"] for found in containers().values() for each in found}

    assert {"ml-service"} == named
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", image["digest"]) for image in found["images"])
