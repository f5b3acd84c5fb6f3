"""Whatever is not a regular file of the expected size is refused, by name, before it is read."""

import os
import shutil
import socket
from pathlib import Path

import pytest

from model.bundle.files import read_file
from model.bundle.manifest import MOST_MANIFEST, read_bundle
from model.errors import BundleCorrupt
from service.config.settings import SettingError
from service.serving.tokens_file import read_hashes

SIX_GB = 6 * 2**30


@pytest.fixture
def bundle(iris_bundle, tmp_path):
    """Copy the reference bundle, to damage."""
    return shutil.copytree(iris_bundle, tmp_path / "bundle")


def listen(path):
    with socket.socket(socket.AF_UNIX) as listener:
        directory = os.open(path.parent, os.O_PATH)
        listener.bind(f"/proc/self/fd/{directory}/{path.name}")  # the path itself may be too long for a socket
        os.close(directory)


KINDS = {
    "a FIFO": os.mkfifo,
    "a character device": lambda path: path.symlink_to("/dev/zero"),
    "a directory": lambda path: path.mkdir(),
    "a socket": listen,
    f"{SIX_GB} bytes": lambda path: path.touch() or os.truncate(path, SIX_GB),
}


@pytest.mark.parametrize("pattern", ["manifest.json", "*.skops", "*.onnx"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_regular_file_of_the_right_size_is_refused_at_once(bundle, pattern, kind):
    """FIFOs, devices and the like are refused at once, and the message says what was expected."""
    (path,) = bundle.glob(pattern)
    name, size = path.name, path.stat().st_size
    path.unlink()
    KINDS[kind](path)
    expected = f"at most {MOST_MANIFEST} bytes" if name == "manifest.json" else f"the {size} bytes that its manifest"

    with pytest.raises(BundleCorrupt, match=f"{name} (is|has) {kind}, expected a regular file of {expected}"):
        read_bundle(bundle)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_of_another_size_than_the_manifest_says_is_refused_before_it_is_read(bundle, change):
    """A file that is one byte larger or smaller than its manifest says is refused before it is read."""
    (path,) = bundle.glob("*.skops")
    os.truncate(path, path.stat().st_size + change)

    with pytest.raises(BundleCorrupt, match=r"\.skops has \d+ bytes, expected a regular file of the \d+ bytes"):
        read_bundle(bundle)


def test_no_more_is_read_than_the_size_says():
    """No more bytes are read than the file's size, even if the file has more (files in /proc claim 0)."""
    assert b"" == read_file(Path("/proc/self/status"), "a file", most=9)


def test_symbolic_links_are_followed(bundle, tmp_path):
    """Symbolic links are followed: Kubernetes' volumes consist of them."""
    before = read_bundle(bundle)
    bundle.rename(tmp_path / "..2024")
    (tmp_path / "..data").symlink_to("..2024")
    bundle.mkdir()
    for path in (tmp_path / "..data").iterdir():
        (bundle / path.name).symlink_to(f"../..data/{path.name}")

    assert before == read_bundle(bundle)


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_tokens_is_a_regular_file_too(tmp_path, kind):
    """A tokens file must be a regular file, too."""
    KINDS[kind](tmp_path / "tokens")

    with pytest.raises(SettingError, match=f"TOKENS_FILE=.*tokens (is|has) {kind}, expected a regular file"):
        read_hashes(tmp_path / "tokens")
