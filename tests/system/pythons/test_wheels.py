"""The pinned packages install without a compiler on every Python and processor that docs/versions.md names."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.pythons
FILES = sorted(str(path) for path in ROOT.glob("requirements*.txt"))
UV = Path(sys.executable).with_name("uv")


@pytest.mark.parametrize("processor", ["x86_64", "aarch64"])
@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13", "3.14"])
def test_every_pinned_package_has_a_wheel(python, processor, tmp_path):
    """All requirement files together: each pin has a wheel for this Python and glibc 2.28, and its hash is pinned."""
    command = [UV, "pip", "install", "--dry-run", "--target", tmp_path, "--require-hashes", "--only-binary", ":all:"]
    for_what = ["--python-version", python, "--python-platform", f"{processor}-manylinux_2_28"]
    files = [each for file in FILES for each in ("-r", file)]

    run = subprocess.run([*command, *for_what, *files], capture_output=True, text=True, check=False)

    assert 4 <= len(FILES)
    assert 0 == run.returncode, run.stderr
    assert " + numpy==" in run.stderr
