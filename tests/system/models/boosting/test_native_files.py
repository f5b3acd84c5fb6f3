"""The recorded files of the libraries, compared with the libraries themselves."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "tests" / "documents" / "native"
FILES = ["xgboost-binary.ubj", "lightgbm-classes.txt", "catboost-deep.cbm"]  # each is packed in a process of its own

pytestmark = pytest.mark.models


@pytest.mark.parametrize("name", FILES)
def test_a_library_that_is_installed_answers_as_the_bundle(tmp_path, name):
    """`pack` compares the file with the library, and the bundle says so."""
    command = [sys.executable, "-m", "model", "pack", FOLDER / name, "--output", tmp_path / "bundle", "--name", "mine"]

    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    manifest = json.loads((tmp_path / "bundle" / "manifest.json").read_text())
    assert manifest["compared_with"].startswith(f"{name.partition('-')[0]} ")
