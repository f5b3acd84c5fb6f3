"""The images that the nodes run, in a file: ours with three models, and what holds the network of a pod."""

import tarfile

from tests.system.containers import docker
from tests.system.kubernetes.programs import BUILT
from tests.system.swarm.images import MODELS, build

SERVICE = "ml-service:kubernetes"
PAUSE = "localhost/pause:1"
# Names as containerd has them, and the name that the manifests have for the image.
IN_CONTAINERD = {model: f"docker.io/library/{SERVICE}-{model}" for model in MODELS}
NAMED = "registry.example.com/churn"


def build_service(clone, models):
    """Build the image with the client of object storage, and one of it for each model."""
    build(clone, "--target", "serve-compiled", "--build-arg", "EXTRAS=storage", "--tag", SERVICE)
    for model in MODELS:
        (models / "Dockerfile").write_text(f"FROM {SERVICE}\nCOPY --chmod=755 {model} /model\n")
        build(models, "--tag", f"{SERVICE}-{model}")


def build_pause(folder):
    with tarfile.open(folder / "pause.tar", "w") as archive:
        archive.add(BUILT / "bin/pause", "pause")
    docker("import", "--change", 'ENTRYPOINT ["/pause"]', str(folder / "pause.tar"), PAUSE)
    (folder / "pause.tar").unlink()


def save(clone, models, folder):
    """Build all images, and save them to a file; return its path."""
    build_service(clone, models)
    build_pause(folder)
    names = [f"{SERVICE}-{model}" for model in MODELS]
    docker("save", "--output", str(folder / "images.tar"), PAUSE, *names)
    return folder / "images.tar"
