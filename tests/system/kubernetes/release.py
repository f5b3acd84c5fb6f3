"""An overlay of deploy/kubernetes on a cluster: its pods, its Deployment, and its containers."""

import json
import re
from pathlib import Path

from tests.system.conftest import eventually
from tests.system.deploy.conftest import one, rendered
from tests.system.kubernetes.nodes import CGROUPS
from tests.system.kubernetes.versions import of_1_20

DIGEST = re.compile(r"registry\.example\.com/[\w-]+@sha256:0{64}")


class Release:
    """One overlay in its namespace."""

    def __init__(self, cluster, folder, images):
        self.cluster, self.images = cluster, images
        self.documents = [of_1_20(each) for each in rendered(folder)]
        metadata = one(folder, "Deployment")["metadata"]
        self.name, self.namespace = metadata["name"], metadata["namespace"]
        self.deployment = f"deployment/{self.name}"
        cluster.namespace(self.namespace)

    def kubectl(self, *arguments, **options):
        return self.cluster.kubectl("--namespace", self.namespace, *arguments, **options)

    def apply(self, model, change=lambda text: text):
        """Apply the overlay, with the image of a model by its digest."""
        text = change(DIGEST.sub(self.images[model], json.dumps(self.documents)))
        self.kubectl("apply", "--filename=-", document=json.loads(text))

    def delete(self):
        """Delete all of it, and wait until its pods are gone."""
        self.kubectl("delete", "--filename=-", "--wait", document=self.documents)
        eventually(lambda: not self.get("pods")["items"], "no pods", 120)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", "--output=json", *arguments))

    def pods(self):
        """Return the pods of the Deployment that are not being stopped, by name."""
        selector = f"app.kubernetes.io/instance={self.namespace}"
        items = self.get("pods", f"--selector={selector}")["items"]
        return {each["metadata"]["name"]: each for each in items if "deletionTimestamp" not in each["metadata"]}

    def ready(self):
        """Return the names of the pods that get requests."""
        return {name for name, pod in self.pods().items() if is_ready(pod)}

    def rolled_out(self, seconds=180):
        self.kubectl("rollout", "status", self.deployment, f"--timeout={seconds}s")
        return self.settled()

    def settled(self):
        """Say whether all pods are those of the Deployment, and none is being stopped."""
        selector = f"app.kubernetes.io/instance={self.namespace}"
        replicas = self.get(self.deployment)["spec"]["replicas"]
        return replicas == len(self.get("pods", f"--selector={selector}")["items"]) == len(self.ready())

    def address(self):
        """Return the address of the Service."""
        return self.get("service", self.name)["spec"]["clusterIP"]

    def says(self, pod, word, *options):
        """Say whether a word is in the log of a pod: of what runs there, or ran before, of which one may be gone."""
        logs = ("--namespace", self.namespace, "logs", pod, *options)
        return any(word in self.cluster.try_kubectl(*logs, *which)[1] for which in ((), ("--previous",)))

    def evict(self, pod):
        """Ask for the eviction of a pod as `kubectl drain` does; return the status of kubectl and what it says."""
        body = {"apiVersion": "policy/v1beta1", "kind": "Eviction", "metadata": {"name": pod}}
        path = f"/api/v1/namespaces/{self.namespace}/pods/{pod}/eviction"
        status, _, err = self.cluster.try_kubectl("create", f"--raw={path}", "--filename=-", document=[body])
        return status, err


def is_ready(pod):
    return any(
        (each["type"], each["status"]) == ("Ready", "True") for each in pod.get("status", {}).get("conditions", ())
    )


def container(pod):
    """Return the id of the pod's container."""
    return pod["status"]["containerStatuses"][0]["containerID"].rpartition("/")[2]


def control_group(pod, controller):
    """Return the folder of the container's control group."""
    (found,) = (CGROUPS / controller).glob(f"mlk*/kubepods/**/{container(pod)}")
    return found


def first_process(pod):
    """Return the container's first process, as this machine knows it."""
    numbers = map(int, (control_group(pod, "pids") / "cgroup.procs").read_text().split())
    return min(numbers, key=lambda number: namespaced(number)[-1])


def namespaced(number):
    """Return the numbers of a process in all of its namespaces, its own last."""
    status = Path(f"/proc/{number}/status").read_text()
    return [int(each) for each in re.search(r"^NSpid:(.*)$", status, re.MULTILINE)[1].split()]


def limits(pod):
    """Return the CPUs and the MiB that the kernel lets the pod's container have."""
    names = (("cpu", "cpu.cfs_quota_us"), ("cpu", "cpu.cfs_period_us"), ("memory", "memory.limit_in_bytes"))
    quota, period, memory = (int((control_group(pod, each) / file).read_text()) for each, file in names)
    return quota / period, memory / 2**20


def settings(release, name):
    """Return what the server in a pod says how it was set up."""
    return next(line for line in release.kubectl("logs", name).splitlines() if "settings: " in line).split()
