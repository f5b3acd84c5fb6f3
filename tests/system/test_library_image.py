"""A model that needs a library of its own, in the image that `pack` tells how to make."""

import json
import re
import subprocess

import pytest

from tests.conftest import ROOT
from tests.system.containers import IMAGE, build

pytestmark = pytest.mark.image
TAG = "ml-service-library:test"
PYTHON = ROOT / ".venv-models/boosting/bin/python"
FIT = """
import sys
import joblib, lightgbm, numpy
rows = numpy.random.default_rng(0).normal(size=(300, 3))
fitted = lightgbm.LGBMRegressor(n_estimators=5, linear_tree=True, verbose=-1).fit(rows, rows @ [1, 2, 3])
joblib.dump(fitted, sys.argv[1])
print(fitted.predict([[0.5, 0.25, -1.0]])[0])
"""


def test_the_lines_that_pack_prints_build_an_image_that_serves_the_model(run, tmp_path):
    """LightGBM's linear trees do not compile: the same number as in the library, from a pinned pickle."""
    file, bundle = tmp_path / "linear.joblib", tmp_path / "bundle"
    expected = said(PYTHON, "-c", FIT, file)
    report = said(PYTHON, "-m", "model", "pack", file, "--allow-pickle", "--output", bundle, "--name", "linear")
    lines = [line.strip() for line in report.splitlines() if line.startswith("    ")]
    digest = re.search(r"MODEL_SHA256=([0-9a-f]{64})", report)[1]
    (tmp_path / "image").mkdir()
    (tmp_path / "image/Dockerfile").write_text("\n".join(lines).replace("FROM ml-service\n", f"FROM {IMAGE}\n"))
    build(TAG, tmp_path / "image")
    subprocess.run(["chmod", "-R", "a+rX", tmp_path], check=True)
    trusted = ["--env", "ALLOW_PICKLE=1", "--env", f"MODEL_SHA256={digest}"]

    container = run("--volume", f"{bundle}:/model:ro", *trusted, tag=TAG)

    assert (200, {"prediction": json.loads(expected)}) == container.predict({"features": [0.5, 0.25, -1.0]})


def said(*command):
    """Return what a command prints."""
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
