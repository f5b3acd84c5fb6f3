"""The manifests as kustomize makes them, against the schemas of Kubernetes."""

import shutil
import subprocess

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.deploy
KINDS = {
    "deployment/churn-ml-service",
    "horizontalpodautoscaler/churn-ml-service",
    "networkpolicy/churn-ml-service",
    "poddisruptionbudget/churn-ml-service",
    "service/churn-ml-service",
    "service/churn-ml-service-admin",
}


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Render the example of an overlay."""
    kubectl = shutil.which("kubectl")
    assert kubectl, "kubectl is not installed: `make test-deploy` installs it when run as root"
    command = [kubectl, "kustomize", ROOT / "deploy/kubernetes/overlays/example"]
    path = tmp_path_factory.mktemp("manifests") / "all.yaml"
    path.write_bytes(subprocess.run(command, capture_output=True, check=True).stdout)
    return path


@pytest.mark.parametrize("version", ["1.30.0", "1.34.0", "1.37.0"])
def test_manifests_are_valid(rendered, version):
    """Strictly: no member that Kubernetes does not know."""
    validate = ROOT / ".venv-deploy/bin/kubernetes-validate"
    done = subprocess.run([validate, "-k", version, "--strict", rendered], capture_output=True, text=True, check=False)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert KINDS == {line.split()[-4] for line in (done.stdout + done.stderr).splitlines() if " passed for " in line}


def test_a_misspelt_member_is_found(rendered, tmp_path):
    """The check can fail."""
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(rendered.read_text().replace("readinessProbe", "readynessProbe"))
    validate = ROOT / ".venv-deploy/bin/kubernetes-validate"

    assert 0 != subprocess.run([validate, "--strict", wrong], capture_output=True, check=False).returncode
