"""The init container of deploy/kubernetes/components/object-storage, as it stands there, with an image."""

import json

import pytest
import yaml

from tests.badinput import ROW
from tests.conftest import ROOT
from tests.system.containers import docker

pytestmark = pytest.mark.image
MANIFEST = ROOT / "deploy/kubernetes/components/object-storage/deployment.yaml"
CONFINED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]


def test_the_server_serves_what_the_init_container_has_fetched(run, image, mounted, tmp_path):
    """Both are of one image, and confined, the first to its memory; the server only reads the volume that both have."""
    spec = yaml.safe_load(MANIFEST.read_text())["spec"]["template"]["spec"]
    (fetch,), (serve,) = spec["initContainers"], spec["containers"]
    (place,) = (each["mountPath"] for each in fetch["volumeMounts"] if "model" == each["name"])
    (model_dir,) = (each["value"] for each in serve["env"] if "MODEL_DIR" == each["name"])
    entrypoint, *command = (part.replace("$(MODEL_URI)", "file:///storage/iris") for part in fetch["command"])
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.chmod(0o777)  # as fsGroup lets the pod write to it

    limits = ["--memory", fetch["resources"]["limits"]["memory"].replace("Mi", "m")]
    mounts = ["--volume", f"{mounted}:/storage/iris:ro", "--volume", f"{volume}:{place}"]
    docker("run", "--rm", *CONFINED, *limits, "--network", "none", *mounts, "--entrypoint", entrypoint, image, *command)
    container = run(*CONFINED, "--volume", f"{volume}:{place}:ro", "--env", f"MODEL_DIR={model_dir}")
    served = json.loads(container.ask("GET", "/model")[2])

    assert json.loads((mounted / "manifest.json").read_text())["name"] == served["name"]
    assert (200, 0) == (container.predict()[0], container.predict({"features": ROW})[1]["prediction"])
