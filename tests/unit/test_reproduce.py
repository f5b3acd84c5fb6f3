"""What `make reproduce` takes for a difference between two images, and what not."""

import io
import json
import re
import tarfile

from tests.conftest import ROOT
from tests.reproduce import differences, image

ACCEPTED = re.compile(r"[A-Z]+-\S+ 20\d\d-\d\d-\d\d \S.{20,}")


def archive(files):
    """Return a tar archive; each file is given by name, with its content and what else is said of it."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        for name, (content, said) in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            for key, value in said.items():
                setattr(entry, key, value)
            tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def saved(folder, name, files, **config):
    """Write an image of one layer as `docker save` does."""
    manifest = [{"Config": "config.json", "Layers": ["1/layer.tar"]}]
    whole = {"manifest.json": manifest, "config.json": {"config": {}, **config}}
    inside = {part: (json.dumps(content).encode(), {}) for part, content in whole.items()}
    (folder / name).write_bytes(archive({**inside, "1/layer.tar": (archive(files), {})}))
    return image(folder / name)


def test_dates_are_no_difference(tmp_path):
    """Of files, and of the image."""
    one = saved(tmp_path, "1", {"app/a.py": (b"1", {"mtime": 1})}, created="now")
    other = saved(tmp_path, "2", {"app/a.py": (b"1", {"mtime": 2})}, created="then")

    assert [] == list(differences(one, other))


def test_all_else_is(tmp_path):
    """Content, permissions, owners, files that are missing, and how the image is run."""
    one = saved(tmp_path, "1", {"a": (b"1", {}), "b": (b"", {"mode": 0o755}), "c": (b"", {"uid": 1}), "d": (b"", {})})
    other = saved(tmp_path, "2", {"a": (b"2", {}), "b": (b"", {}), "c": (b"", {})}, config={"User": "0"})

    found = list(differences(one, other))

    assert ["configuration", "layer 1: a", "layer 1: b", "layer 1: c", "layer 1: d"] == [
        line.partition(": {")[0] if line.startswith("conf") else ": ".join(line.split(": ")[:2]) for line in found
    ]


def test_each_accepted_advisory_has_its_date_and_its_reason():
    """`make audit` passes over no others."""
    lines = (ROOT / "tests/supply/accepted.txt").read_text().splitlines()

    assert [] == [line for line in lines if not line.startswith("#") and not ACCEPTED.fullmatch(line)]
