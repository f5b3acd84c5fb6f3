"""Says what two builds of an image differ in, beside dates: `python -m tests.reproduce IMAGE IMAGE` (`make reproduce`).

Each layer's files are compared by path, kind, owner, permissions, link and content, and so is how the image is run.
"""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from itertools import zip_longest
from pathlib import Path

DATES = ("created", "history", "rootfs", "container", "container_config", "docker_version")


def layer(archive):
    """Return what a layer holds, by path, without dates."""
    with tarfile.open(fileobj=archive) as files:
        return {each.name: _described(files, each) for each in files}


def _described(files, each):
    content = files.extractfile(each).read() if each.isfile() else b""
    return (each.type, oct(each.mode), each.uid, each.gid, each.linkname, hashlib.sha256(content).hexdigest())


def image(archive):
    """Return what a saved image says of itself, without dates, and the content of its layers."""
    with tarfile.open(archive) as saved:
        (manifest,) = json.load(saved.extractfile("manifest.json"))
        config = json.load(saved.extractfile(manifest["Config"]))
        layers = [layer(saved.extractfile(name)) for name in manifest["Layers"]]
    return {name: value for name, value in config.items() if name not in DATES}, layers


def differences(one, other):
    """Yield a line for each thing that differs."""
    (config, layers), (other_config, other_layers) = one, other
    if config != other_config:
        yield f"configuration: {config} and {other_config}"
    for number, (files, others) in enumerate(zip_longest(layers, other_layers, fillvalue={}), 1):
        for path in sorted(files.keys() | others.keys()):
            if files.get(path) != others.get(path):
                yield f"layer {number}: {path}: {files.get(path)} and {others.get(path)}"


def saved(name, folder):
    """Save an image of the engine and return what it holds."""
    path = f"{folder}/{name.replace('/', '-')}.tar"
    subprocess.run([os.environ.get("DOCKER", "docker"), "save", "--output", path, name], check=True)
    try:
        return image(path)
    finally:
        Path(path).unlink()


def main(*names):
    """Print what differs, and how much was compared; the exit code is 1 if anything does."""
    with tempfile.TemporaryDirectory() as folder:
        one, other = (saved(name, folder) for name in names)
    found = list(differences(one, other))
    told = f"{sum(map(len, one[1]))} files in {len(one[1])} layers, {len(found)} differences beside dates"
    sys.stdout.write("\n".join([*found, told, ""]))
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
