"""Nodes: each has its own network, list of processes and view of the file system, with containerd and a kubelet."""

import json
import os
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from tests.system.conftest import eventually
from tests.system.kubernetes.control import PODS
from tests.system.kubernetes.programs import BUILT, STARTED, program
from tests.system.networks import namespace, run

CGROUPS = Path("/sys/fs/cgroup")
ALONE = ("unshare", "--mount", "--pid", "--fork", "--mount-proc", "--uts", "--kill-child=SIGKILL")
CONTAINERD = """
version = 2
[grpc]
address = "{folder}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "localhost/pause:1"
# Where these tests run, they may not be allowed to protect a process from the lack of memory.
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "{programs}/usr/lib/cni"
conf_dir = "{folder}/cni"
"""
# What the kubelet would set for the whole machine is a file of its own here, which already has what it wants.
KERNEL = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
STARTS = """
set -e
hostname {name}
mount --make-rshared /
mount -t tmpfs -o size=4g,mode=755 node /var/lib
mount -t tmpfs -o mode=755 node /var/log
mount -t tmpfs -o mode=755 node /run
mkdir /var/lib/kernel
{kernel}
sysctl -q -w net.ipv4.ip_forward=1
containerd --config {folder}/containerd.toml > {folder}/containerd.log 2>&1 &
kube-proxy --kubeconfig={config} --hostname-override={name} --cluster-cidr={pods} --proxy-mode=iptables \
  --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0 \
  > {folder}/kube-proxy.log 2>&1 &
kubelet --kubeconfig={config} --hostname-override={name} --node-ip={address} --node-labels={labels} \
  --container-runtime=remote --container-runtime-endpoint=unix://{folder}/containerd.sock \
  --cgroup-driver=cgroupfs --cgroup-root=/{group} --fail-swap-on=false --resolv-conf= --image-gc-high-threshold=100 \
  --eviction-hard=memory.available\\<1Mi > {folder}/kubelet.log 2>&1 &
wait
"""


class Node:
    """A node, what can be asked from its place, and what its runtime knows."""

    def __init__(self, number, prefix, folder):
        self.name = f"node-{number}"
        self.place = self.group = f"{prefix}-{number}"
        self.address, self.pods = f"198.18.0.{number}", f"198.18.{number}"
        self.folder = folder / self.name
        self.labels = f"topology.kubernetes.io/zone=zone-{number}"

    def write(self, config):
        """Write the files of its programs; return the script that starts them."""
        (self.folder / "cni").mkdir(parents=True)
        bridge = {
            "type": "bridge",
            "bridge": "pods",
            "isGateway": True,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": f"{self.pods}.0/24"}]],
                "routes": [{"dst": "0.0.0.0/0"}],
            },
        }
        network = {"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]}
        (self.folder / "cni/10-pods.conflist").write_text(json.dumps(network))
        settings = CONTAINERD.format(programs=BUILT / "debian", folder=self.folder)
        (self.folder / "containerd.toml").write_text(settings)
        kernel = "".join(
            f"echo {value} > /var/lib/kernel/{Path(name).name}\n"
            f"mount --bind /var/lib/kernel/{Path(name).name} /proc/sys/{name}\n"
            for name, value in KERNEL.items()
        )
        script = self.folder / "start"
        script.write_text(STARTS.format(**vars(self) | {"pods": PODS}, config=config, kernel=kernel))
        return script

    def runtime(self, *arguments):
        """Run a command of containerd's client."""
        return run("ctr", "--address", self.folder / "containerd.sock", "--namespace", "k8s.io", *arguments)

    def up(self):
        with suppress(AssertionError):
            return self.runtime("version")
        return ""

    def load(self, archive, names):
        """Give the runtime the images of an archive, and further names of them by digest; return these names."""
        self.runtime("images", "import", archive)
        lines = [line.split() for line in self.runtime("images", "list").splitlines()[1:]]
        digests = {name: digest for name, _, digest, *_ in lines}
        found = {image: f"{name}@{digests[image]}" for image, name in names.items()}
        for image, name in found.items():
            self.runtime("images", "tag", image, name)
        return found

    def join(self, switch, nodes):
        """Connect its network with the switch, and say where other nodes' pods are."""
        link = ("link", "add", self.name, "up", "type", "veth", "peer", "eth0", "netns", self.place)
        run("ip", "-n", switch, *link)
        run("ip", "-n", switch, "link", "set", self.name, "master", "switch")
        run("ip", "-n", self.place, "addr", "add", f"{self.address}/24", "dev", "eth0")
        run("ip", "-n", self.place, "link", "set", "eth0", "up")
        # From the storage that is beside the API server, too.
        run("ip", "-n", switch, "route", "add", f"{self.pods}.0/24", "via", self.address)
        routes = [("default", "198.18.0.253")]
        routes += [(f"{each.pods}.0/24", each.address) for each in nodes if each is not self]
        for target, address in routes:
            run("ip", "-n", self.place, "route", "add", target, "via", address)

    @contextmanager
    def cut_off(self, switch):
        """Let nobody reach it while the block runs, and it nobody."""
        run("ip", "-n", switch, "link", "set", self.name, "down")
        try:
            yield
        finally:
            run("ip", "-n", switch, "link", "set", self.name, "up")


@contextmanager
def cgroup(name):
    """Make a control group in each hierarchy; remove it with all that it has got."""
    hierarchies = [path for path in CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]
    for hierarchy in hierarchies:
        (hierarchy / name).mkdir()
        for file in ("cpuset.cpus", "cpuset.mems"):
            with suppress(FileNotFoundError):
                (hierarchy / name / file).write_text((hierarchy / file).read_text())
    try:
        yield
    finally:
        for hierarchy in hierarchies:
            for folder, _, _ in os.walk(hierarchy / name, topdown=False):
                eventually(lambda path=Path(folder): removed(path), f"{folder} is empty")


def removed(folder):
    with suppress(OSError):  # a process that is being ended is still in it
        folder.rmdir()
    return not folder.exists()


@contextmanager
def running(node, cluster):
    """Run a node; all of its processes are killed at the end, and with them its mounts are gone."""
    script = node.write(cluster.config)
    with program(node.place, node.folder, "bash", script, unshare=ALONE) as process:
        try:
            eventually(node.up, f"containerd of {node.name}", STARTED)
            yield node
        finally:
            process.kill()
            process.wait()


@contextmanager
def nodes(cluster, number):
    """Join nodes to a cluster."""
    found = [Node(each, cluster.place, cluster.folder) for each in range(1, number + 1)]
    with ExitStack() as stack:
        for node in found:
            stack.enter_context(namespace(node.place))
            stack.enter_context(cgroup(node.group))
            node.join(cluster.place, found)
        for node in found:
            stack.enter_context(running(node, cluster))
        yield found
