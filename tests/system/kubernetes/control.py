"""The control plane: etcd and the API server, and what else a cluster with nodes needs."""

import json
import os
import subprocess
from contextlib import ExitStack, contextmanager, suppress

import yaml

from tests.system.conftest import eventually
from tests.system.kubernetes.programs import BUILT, PATH, STARTED, program
from tests.system.networks import NAMESPACES, run

ADDRESS = "198.18.0.254"
SERVICES, PODS = "198.19.0.0/16", "198.18.0.0/16"
TOKEN = "token-of-the-tests"


class Cluster:
    """An API server, and its kubectl."""

    def __init__(self, place, folder):
        self.place, self.folder = place, folder
        self.config = folder / "kubeconfig"

    def write(self):
        """Write the files that its programs share."""
        (self.folder / "tokens.csv").write_text(f'{TOKEN},tests,1,"system:masters"\n')
        run("openssl", "genrsa", "-out", self.folder / "accounts.pem", "2048")
        server = {"server": f"https://{ADDRESS}:6443", "insecure-skip-tls-verify": True}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "tests", "cluster": server}],
            "users": [{"name": "tests", "user": {"token": TOKEN}}],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": "tests"}}],
            "current-context": "tests",
        }
        self.config.write_text(yaml.safe_dump(config))

    def try_kubectl(self, *arguments, document=None):
        """Run kubectl; return its status, and what it prints on stdout and stderr."""
        enter = ["nsenter", f"--net={NAMESPACES / self.place}"]
        kubectl = [BUILT / "debian/usr/bin/kubectl", "--kubeconfig", self.config, *map(str, arguments)]
        environ = {**os.environ, "PATH": PATH, "HOME": str(self.folder)}
        text = "\n".join(json.dumps(each) for each in document or ())
        done = subprocess.run([*enter, *kubectl], input=text, capture_output=True, text=True, check=False, env=environ)
        return done.returncode, done.stdout, done.stderr

    def kubectl(self, *arguments, document=None):
        """Run kubectl; return what it prints."""
        status, out, err = self.try_kubectl(*arguments, document=document)
        assert status == 0, f"{arguments}: {err}{out}"
        return out

    def get(self, *arguments, **options):
        """Return what the API server has."""
        return json.loads(self.kubectl("get", "--output=json", *arguments, **options))

    def namespace(self, name):
        document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.kubectl("apply", "--filename=-", document=[document])

    def up(self):
        with suppress(AssertionError):
            return "ok" == self.kubectl("get", "--raw=/readyz")
        return False


@contextmanager
def api_server(place, folder):
    """Run etcd and the API server in a network that has their address."""
    found = Cluster(place, folder)
    found.write()
    etcd = "http://127.0.0.1:2379"
    with ExitStack() as stack:
        clients = (f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}")
        stack.enter_context(program(place, folder, "etcd", f"--data-dir={folder}/etcd", *clients))
        accounts = folder / "accounts.pem"
        options = {
            "etcd-servers": etcd,
            "bind-address": ADDRESS,
            "advertise-address": ADDRESS,
            "cert-dir": folder / "certificates",
            "token-auth-file": folder / "tokens.csv",
            "authorization-mode": "RBAC",
            "enable-admission-plugins": "NodeRestriction,PodSecurityPolicy",
            "allow-privileged": "true",
            "kubelet-preferred-address-types": "InternalIP",
            "service-cluster-ip-range": SERVICES,
            "service-account-issuer": f"https://{ADDRESS}",
            "service-account-key-file": accounts,
            "service-account-signing-key-file": accounts,
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        stack.enter_context(program(place, folder, "kube-apiserver", *arguments))
        eventually(found.up, "API server", STARTED)
        yield found


@contextmanager
def controllers(cluster):
    """Run the controllers and the scheduler: what makes pods of a Deployment, and gives them a node."""
    shared = f"--kubeconfig={cluster.config}"
    key = f"--service-account-private-key-file={cluster.folder / 'accounts.pem'}"
    soon = "--horizontal-pod-autoscaler-sync-period=2s"
    with (
        program(cluster.place, cluster.folder, "kube-controller-manager", shared, key, soon, "--leader-elect=false"),
        program(cluster.place, cluster.folder, "kube-scheduler", shared, "--leader-elect=false"),
    ):
        yield cluster
