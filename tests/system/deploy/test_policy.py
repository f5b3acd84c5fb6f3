"""What kustomize makes keeps the rules of a server that is stopped, scaled and attacked."""

import re
from itertools import pairwise

import pytest

from tests.system.deploy.conftest import APPLIED, OVERLAYS, containers, one, pod_spec, rendered

pytestmark = pytest.mark.deploy
PLATFORMS = ("kserve", "knative")
RUN = (*OVERLAYS, *PLATFORMS)
BOOT_SECONDS = 60  # the default
DIGEST = re.compile(r"registry\.example\.com/[\w-]+@sha256:[0-9a-f]{64}")
overlays = pytest.mark.parametrize("folder", OVERLAYS)
everywhere = pytest.mark.parametrize("folder", RUN)


def server(folder):
    return containers(folder)[-1]


def environ(folder):
    return {each["name"]: each.get("value") for each in server(folder)["env"]}


@everywhere
def test_each_probe_has_its_own_question(folder):
    """Readiness is about load, liveness about the process: a full pod is not killed for being full."""
    readiness, liveness = (server(folder)[f"{name}Probe"]["httpGet"]["path"] for name in ("readiness", "liveness"))

    assert readiness.endswith("/health/ready")
    assert liveness.endswith("/health/live")


@overlays
def test_probes_notice_soon_and_kill_late(folder):
    """What starts slowly is not ended for it; one failed readiness check takes a pod out, three of liveness kill it."""
    startup, readiness, liveness = (server(folder)[f"{name}Probe"] for name in ("startup", "readiness", "liveness"))

    assert startup["periodSeconds"] * startup["failureThreshold"] > BOOT_SECONDS
    assert readiness["periodSeconds"] * readiness["failureThreshold"] <= 2
    assert liveness["periodSeconds"] * liveness["failureThreshold"] >= 30
    assert liveness["timeoutSeconds"] > readiness["timeoutSeconds"]


@overlays
def test_a_pod_drains_before_it_is_killed(folder):
    """The server answers on after SIGTERM until proxies have noticed, as a preStop hook would; all within the grace."""
    drain, grace = (int(environ(folder)[f"{name}_SECONDS"]) for name in ("DRAIN", "GRACE"))
    readiness = server(folder)["readinessProbe"]
    hook = server(folder).get("lifecycle", {}).get("preStop")

    assert hook is None, "a hook would take its time from the same grace period"
    assert drain + grace + 2 <= pod_spec(folder)["terminationGracePeriodSeconds"]
    assert drain > 2 * readiness["periodSeconds"] * readiness["failureThreshold"]


@everywhere
def test_a_container_may_do_nothing_that_the_server_does_not_need(folder):
    """Nobody is root, no further privileges, no capabilities, nothing to write to but volumes, the runtime's filter."""
    for container in containers(folder):
        context = pod_spec(folder).get("securityContext", {}) | container["securityContext"]

        assert {
            "runAsNonRoot": True,
            "readOnlyRootFilesystem": True,
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        }.items() <= context.items()


@overlays
def test_a_pod_has_no_token_and_bounded_volumes(folder):
    """It asks nothing of Kubernetes, writes to /tmp and /dev/shm, and reads the model."""
    spec = pod_spec(folder)

    assert spec["automountServiceAccountToken"] is False
    assert {"/tmp", "/dev/shm"} == {
        each["mountPath"] for each in server(folder)["volumeMounts"] if not each.get("readOnly")
    }
    assert all("sizeLimit" in volume["emptyDir"] for volume in spec["volumes"])


@everywhere
def test_requests_equal_limits(folder):
    """The number of workers follows from the quota, which the scheduler then really gives: the pod is Guaranteed."""
    for container in containers(folder):
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert {"cpu", "memory"} == container["resources"]["limits"].keys()


@overlays
def test_pods_are_spread_and_only_one_is_taken_at_a_time(folder):
    """One zone, one node or one drained node costs one pod's share at most."""
    keys = [each["topologyKey"] for each in pod_spec(folder)["topologySpreadConstraints"]]

    assert ["topology.kubernetes.io/zone", "kubernetes.io/hostname"] == keys
    assert 1 == one(folder, "PodDisruptionBudget")["spec"]["maxUnavailable"]


@overlays
def test_pods_of_a_lost_node_are_replaced_soon(folder):
    """The server keeps nothing, so another node may have its pod; the default waits for five minutes."""
    tolerated = {each["key"]: each["tolerationSeconds"] for each in pod_spec(folder)["tolerations"]}

    assert {f"node.kubernetes.io/{state}": 30 for state in ("not-ready", "unreachable")} == tolerated


@overlays
def test_a_rollout_starts_pods_before_it_stops_others(folder):
    """Capacity never falls below what was there, and the autoscaler's number of pods is not overwritten."""
    spec = one(folder, "Deployment")["spec"]

    assert {"maxSurge": 1, "maxUnavailable": 0} == spec["strategy"]["rollingUpdate"]
    assert "replicas" not in spec


@overlays
def test_selectors_find_the_pods_of_this_overlay_and_no_other(folder):
    """Two models may share a namespace: what selects pods asks for the overlay's own label, which they have."""
    labels = one(folder, "Deployment")["spec"]["template"]["metadata"]["labels"]
    services = [each["spec"]["selector"] for each in rendered(folder) if "Service" == each["kind"]]
    others = [one(folder, kind)["spec"]["selector"]["matchLabels"] for kind in ("Deployment", "PodDisruptionBudget")]
    spread = [each["labelSelector"]["matchLabels"] for each in pod_spec(folder)["topologySpreadConstraints"]]
    policy = one(folder, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"]

    for selector in (*services, *others, *spread, policy):
        assert selector.items() <= labels.items()
        assert "app.kubernetes.io/instance" in selector


def test_overlays_have_labels_of_their_own():
    """Else each would serve the other's model."""
    found = [one(folder, "Deployment")["spec"]["selector"]["matchLabels"] for folder in OVERLAYS]

    assert all(one != other for one, other in pairwise(found))


@pytest.mark.parametrize("folder", APPLIED)
def test_images_are_named_by_digest(folder):
    """A tag may mean another image tomorrow; all containers of a pod are of one image."""
    images = set(re.findall(r"'image': '([^']*)'", str(rendered(folder))))

    assert len(images) == (folder != "prometheus")
    assert all(DIGEST.fullmatch(image) for image in images)


def test_the_autoscaler_goes_by_the_cpu_that_pods_request():
    """There is room for the minute that new pods take, and two pods at least, of which one may go."""
    spec = one(OVERLAYS[0], "HorizontalPodAutoscaler")["spec"]
    (metric,) = spec["metrics"]

    assert one(OVERLAYS[0], "Deployment")["metadata"]["name"] == spec["scaleTargetRef"]["name"]
    assert ("cpu", {"type": "Utilization", "averageUtilization": 70}) == (
        metric["resource"]["name"],
        metric["resource"]["target"],
    )
    assert spec["minReplicas"] >= 2


def job():
    """Return the name of the job that the ServiceMonitor gives to the pods of its overlay."""
    (relabeling,) = one(OVERLAYS[1], "ServiceMonitor")["spec"]["endpoints"][0]["relabelings"]
    (admin,) = (
        each for each in rendered(OVERLAYS[1]) if "Service" == each["kind"] and "None" == each["spec"].get("clusterIP")
    )
    source = ";".join(
        admin["metadata"][{"namespace": "namespace", "service": "name"}[label]] for label in relabeling["sourceLabels"]
    )
    return re.fullmatch(relabeling["regex"], source).expand(relabeling["replacement"].replace("$", "\\"))


def test_keda_scales_instead_of_the_autoscaler_and_asks_for_this_job():
    """Two autoscalers would undo each other's work; a query for another job would scale by its load."""
    spec = one(OVERLAYS[1], "ScaledObject")["spec"]
    cpu, demand = spec["triggers"]

    assert [] == [each for each in rendered(OVERLAYS[1]) if "HorizontalPodAutoscaler" == each["kind"]]
    assert one(OVERLAYS[1], "Deployment")["metadata"]["name"] == spec["scaleTargetRef"]["name"]
    assert ("cpu", "70") == (cpu["type"], cpu["metadata"]["value"])
    assert {job()} == set(re.findall(r'job="([^"]*)"', demand["metadata"]["query"]))
    assert "false" == demand["metadata"]["ignoreNullValues"]
    assert spec["minReplicaCount"] >= 2


def test_prometheus_scrapes_each_pod_on_its_admin_port_as_a_job_of_its_own():
    """Also one that is not ready; and the job's name is one that the rules ask for."""
    monitor = one(OVERLAYS[1], "ServiceMonitor")["spec"]
    (endpoint,) = monitor["endpoints"]
    (admin,) = (
        each
        for each in rendered(OVERLAYS[1])
        if "Service" == each["kind"]
        and monitor["selector"]["matchLabels"].items() <= each["metadata"]["labels"].items()
    )
    (port,) = admin["spec"]["ports"]

    assert admin["spec"]["publishNotReadyAddresses"] is True
    assert (endpoint["port"], endpoint["port"]) == (port["name"], port["targetPort"])
    assert "ml-service/fraud/fraud-ml-service" == job()


@overlays
def test_metrics_are_only_for_prometheus(folder):
    """What the public address does not answer is on a port of its own, which other namespaces do not reach."""
    policy = one(folder, "NetworkPolicy")["spec"]
    ports = {port["name"]: port["containerPort"] for port in server(folder)["ports"]}

    assert f"0.0.0.0:{ports['admin']}" == environ(folder)["ADMIN_BIND"]
    assert [["http"], ["admin"]] == [[port["port"] for port in rule["ports"]] for rule in policy["ingress"]]
    assert all(rule["from"] for rule in policy["ingress"])
    assert {"Ingress", "Egress"} == set(policy["policyTypes"])


def test_the_server_connects_to_nobody_unless_its_model_is_fetched():
    """Then to names and HTTPS."""
    example, storage = (one(folder, "NetworkPolicy")["spec"].get("egress", []) for folder in OVERLAYS)

    assert [] == example
    assert {53, 443} == {port["port"] for rule in storage for port in rule["ports"]}


def test_the_model_is_fetched_before_the_server_starts_and_only_read_after():
    """One command of the same image puts it where the server looks; only that has the credentials."""
    fetch, serve = containers(OVERLAYS[1])
    variables = {each["name"]: each["value"] for each in fetch["env"]}
    (written,) = (each for each in fetch["volumeMounts"] if "model" == each["name"])
    (read,) = (each for each in serve["volumeMounts"] if "model" == each["name"])
    target = fetch["command"][-1]

    assert ["python", "-m", "model", "fetch", "$(MODEL_URI)", target] == fetch["command"][-6:]
    assert "s3://models/fraud/7" == variables["MODEL_URI"]
    assert environ(OVERLAYS[1])["MODEL_DIR"] == target
    assert target.startswith(written["mountPath"] + "/")
    assert (written["mountPath"], True, False) == (read["mountPath"], read["readOnly"], "readOnly" in written)
    assert "envFrom" not in serve
    assert "MODEL_URI" not in environ(OVERLAYS[1])
