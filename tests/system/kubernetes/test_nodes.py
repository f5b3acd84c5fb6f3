"""The image and the example overlay on a Kubernetes of three nodes: what a pod gets, and what becomes of requests."""

import os
import re
import signal
import time
from pathlib import Path

import pytest

from tests.system.conftest import eventually
from tests.system.kubernetes.release import Release, first_process, limits, settings

pytestmark = pytest.mark.kubernetes
SETTLED = 240.0  # seconds, on a machine that does much else


@pytest.fixture(scope="module")
def churn(api, images):
    """Apply the example overlay with the first model; the autoscaler asks for two pods."""
    found = Release(api, "overlays/example", images)
    found.apply("1")
    eventually(lambda: len(found.ready()) == 2 and found.settled(), "two pods", SETTLED)
    yield found
    found.delete()


def test_each_pod_is_ready_by_its_probes_and_on_a_node_of_its_own(churn):
    """The autoscaler's least number of pods, spread, admitted by a policy that allows no privilege."""
    pods = churn.pods().values()
    (status,) = {each["status"]["containerStatuses"][0]["started"] for each in pods}

    assert status is True
    assert 2 == len({each["spec"]["nodeName"] for each in pods})
    assert {("Guaranteed", "restricted")} == {
        (each["status"]["qosClass"], each["metadata"]["annotations"]["kubernetes.io/psp"]) for each in pods
    }
    assert [0, 0] == [each["status"]["containerStatuses"][0]["restartCount"] for each in pods]


def test_limits_are_real_and_the_server_follows_them(churn):
    """Two CPUs are a quota of the kernel, and two workers; 512 MiB are a limit of the kernel."""
    name, pod = churn.pods().popitem()

    assert (2, 512) == limits(pod)
    assert "WEB_CONCURRENCY=2" in settings(churn, name)


def test_the_kernel_confines_the_server_as_the_manifest_says(churn):
    """Not root, without capabilities and new privileges, behind a filter of system calls, with nothing to write to."""
    name, pod = churn.pods().popitem()
    text = Path(f"/proc/{first_process(pod)}/status").read_text()
    status = dict(re.findall(r"^(\w+):\t(.*)$", text, re.MULTILINE))
    written = churn.cluster.try_kubectl("--namespace=churn", "exec", name, "--", "sh", "-c", "echo > /model/x")

    assert ["10001"] * 4 == status["Uid"].split() == status["Gid"].split()
    assert {"0" * 16} == {status[f"Cap{each}"] for each in ("Inh", "Prm", "Eff", "Bnd", "Amb")}
    assert ("1", "2") == (status["NoNewPrivs"], status["Seccomp"])
    assert "Read-only file system" in written[2]


def test_a_rollout_to_a_new_model_loses_no_request(churn, watched):
    """One pod after the other is replaced, the new one first; at the end all answers are the new model's."""
    with watched(churn) as asked:
        churn.apply("2")
        eventually(churn.rolled_out, "rolled out", SETTLED)
        switched = time.monotonic()

    assert {"1", "2"} == {answer.version for answer in asked.answers}
    assert {"2"} == {answer.version for answer in asked.answers if answer.at > switched}


def test_a_broken_model_stalls_the_rollout_and_is_undone(churn, watched):
    """Its pod never gets ready, so no other is stopped; `kubectl rollout undo` takes it away."""
    before = churn.ready()
    with watched(churn) as asked:
        churn.apply("broken")
        (broken,) = eventually(lambda: churn.pods().keys() - before, "a pod of the broken model", SETTLED)
        eventually(lambda: restarts(churn, broken) >= 2, "started again", SETTLED)
        stalled = churn.ready()
        eventually(lambda: churn.says(broken, "bundle_corrupt"), "its reason", SETTLED)
        churn.kubectl("rollout", "undo", churn.deployment)
        eventually(churn.rolled_out, "undone", SETTLED)

    assert before == stalled == churn.ready()
    assert 1 == len({answer.version for answer in asked.answers})


def restarts(release, name):
    """Return how often a pod's container was started again."""
    statuses = release.pods()[name]["status"].get("containerStatuses")
    return statuses[0]["restartCount"] if statuses else 0


def test_a_deleted_pod_takes_no_request_with_it(churn, watched):
    """It answers until nobody sends it any, and another one takes its place."""
    with watched(churn):
        churn.kubectl("delete", "pod", min(churn.ready()))
        eventually(lambda: len(churn.ready()) == 2 and churn.settled(), "two pods", SETTLED)


def test_a_killed_container_is_started_again_in_its_pod(churn, watched):
    """Requests fail only while Kubernetes does not know yet, and only those that were sent to that pod."""
    name, pod = churn.pods().popitem()
    with watched(churn, lost=True) as asked:
        killed = time.monotonic()
        os.kill(first_process(pod), signal.SIGKILL)
        eventually(lambda: restarts(churn, name) == 1, "started again", SETTLED)
        eventually(lambda: len(churn.ready()) == 2, "two pods", SETTLED)
    failed = [answer for answer in asked.answers if answer.status != 200]

    assert all(killed - 1 < answer.at < killed + 10 for answer in failed)
    assert len(failed) < len(asked.answers) / 4


def test_evictions_and_a_drained_node_take_no_request_with_them(churn, watched):
    """The budget lets one pod go, and refuses the other until the first one's successor is ready."""
    first, second = sorted(churn.ready())
    with watched(churn):
        allowed, refused = churn.evict(first), churn.evict(second)
        eventually(lambda: len(churn.ready()) == 2 and churn.settled(), "two pods", SETTLED)
        node = churn.pods()[second]["spec"]["nodeName"]
        churn.kubectl("drain", node, "--delete-emptydir-data", "--timeout=180s")
        eventually(lambda: len(churn.ready()) == 2 and churn.settled(), "two pods", SETTLED)
        churn.kubectl("uncordon", node)

    assert 0 == allowed[0]
    assert 0 != refused[0]
    assert "disruption budget" in refused[1]
    assert node not in {each["spec"]["nodeName"] for each in churn.pods().values()}


def test_pods_of_a_node_that_is_cut_off_are_replaced(churn, watched, joined, report):
    """Requests to its pod are lost until Kubernetes has noticed; half a minute later, another node has a pod more."""
    nodes = {node.name: node for node in joined[1:]}  # the clients are on the first
    on = {name: pod["spec"]["nodeName"] for name, pod in churn.pods().items()}
    lost = next(name for name in on if on[name] in nodes)
    with watched(churn, lost=True, timeout=2) as asked, nodes[on[lost]].cut_off(churn.cluster.place):
        cut = time.monotonic()
        eventually(lambda: lost not in churn.ready(), "noticed", SETTLED)
        noticed = time.monotonic()
        eventually(lambda: len(churn.ready()) == 2, "two pods", SETTLED)
        replaced = time.monotonic()
    report(f"noticed after {noticed - cut:.0f} s, replaced after {replaced - cut:.0f} s")
    failed = [answer for answer in asked.answers if answer.status != 200]
    eventually(churn.settled, "the node is back, and its pod gone", SETTLED)

    assert all(cut - 3 < answer.at < noticed + 10 for answer in failed)
