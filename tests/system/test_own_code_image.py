"""A model of somebody's own code that works on data frames, in the image that docs/models.md tells how to make."""

import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.system.containers import IMAGE, build, docker

pytestmark = pytest.mark.image
TAG = "ml-service-frames:test"
OWN = """
from sklearn.base import BaseEstimator, TransformerMixin

class Ratio(TransformerMixin, BaseEstimator):
    def fit(self, rows, _=None):
        self.fitted_ = True
        return self

    def transform(self, rows):
        return rows.assign(ratio=rows["a"] / rows["b"], rome=rows["city"].str.lower() == "rome").drop(columns="city")
"""
PACK = """
import sys
sys.path.append(sys.argv[1])
import numpy, pandas
from own_code import Ratio
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from model.packing.pack import pack

numbers = numpy.random.default_rng(0).normal(size=(60, 2))
rows = pandas.DataFrame(numbers, columns=["a", "b"]).assign(city=["Rome", "ROME", "Oslo"] * 20)
estimator = make_pipeline(Ratio(), LogisticRegression()).fit(rows, numbers[:, 0] > 0)
pack(estimator, sys.argv[2], name="own", data=rows, code=sys.argv[1])
asked = pandas.DataFrame([[0.5, 2.0, "rome"]], columns=rows.columns)
print(estimator.predict_proba(asked)[0].max())
"""


def test_own_code_gets_data_frames_in_an_image_with_pandas(run, tmp_path):
    """The same number as where it was fitted; the lines of docs/models.md are the ones that are built."""
    code, bundle = tmp_path / "code", tmp_path / "bundle"
    code.mkdir()
    (code / "own_code.py").write_text(OWN)
    packed = [sys.executable, "-c", PACK, str(code), str(bundle)]
    expected = subprocess.run(packed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    lines = re.search(r"```dockerfile\n(.*?)```", (ROOT / "docs/models.md").read_text(), re.DOTALL)[1]
    (tmp_path / "image").mkdir()
    (tmp_path / "image/Dockerfile").write_text(lines.replace("FROM ml-service\n", f"FROM {IMAGE}\n"))
    build(TAG, tmp_path / "image")
    subprocess.run(["chmod", "-R", "a+rX", tmp_path], check=True)
    mounts = ["--volume", f"{bundle}:/model:ro", "--volume", f"{code}:/code:ro", "--env", "MODEL_CODE=/code"]

    container = run(*mounts, tag=TAG)

    status, answer = container.predict({"features": {"a": 0.5, "b": 2.0, "city": "rome"}})
    assert (200, float(expected)) == (status, answer["probability"])
    assert "own" in docker("logs", container.name)
