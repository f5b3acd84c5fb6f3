"""What one Python wrote is read by another: bundles of both engines, and the joblib files that models come in."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.pythons
OURS = "{}.{}".format(*sys.version_info)
OTHERS = sorted(path.stem for path in (ROOT / ".venv-pythons").glob("*.stamp"))
# A model that compiles and one that does not, each as a joblib file and as a bundle; prints what they predict.
WRITE = """
import json, sys
from pathlib import Path
import joblib
import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from model.packing.pack import pack
folder = Path(sys.argv[1])
rows, labels = load_iris(return_X_y=True)
texts = [f"a{int(10 * a)} b{int(10 * b)}" for a, b, *_ in rows]
forest = RandomForestClassifier(5, random_state=0).fit(rows, labels)
words = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, np.array(["x", "y", "z"])[labels])
for name, estimator, data in (("forest", forest, rows), ("words", words, texts)):
    joblib.dump(estimator, folder / f"{name}.joblib", compress=3)
    pack(estimator, folder / name, name=name, data=data)
print(json.dumps([forest.predict_proba(rows).tolist(), words.predict_proba(texts).tolist()]))
"""
# Loads those of another Python; a bundle's golden rows are predicted with that, and compared.
READ = """
import json, sys
from pathlib import Path
import joblib
from sklearn.datasets import load_iris
from model.loading import load, verify
folder = Path(sys.argv[1])
rows, _ = load_iris(return_X_y=True)
texts = [f"a{int(10 * a)} b{int(10 * b)}" for a, b, *_ in rows]
loaded = [load(folder / name) for name in ("forest", "words")]
for each in loaded:
    verify(each)
models = [joblib.load(folder / f"{name}.joblib") for name in ("forest", "words")]
print(json.dumps({
    "writers": [each.manifest.made_with["python"] for each in loaded],
    "engines": [each.engine.name for each in loaded],
    "probabilities": [model.predict_proba(data).tolist() for model, data in zip(models, (rows, texts))],
}))
"""


def run(version, program, folder):
    """Run a program on that Python; return what it printed, from JSON."""
    other = [ROOT / "tests/system/pythons/in-release", version, ROOT / f".venv-pythons/{version}/bin/python"]
    command = [*([sys.executable] if version == OURS else other), "-c", program, folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    """Write the files with this Python; return their folder and the probabilities."""
    folder = tmp_path_factory.mktemp("ours")
    return folder, run(OURS, WRITE, folder)


def check(found, probabilities, writer):
    assert [True, True] == [each.startswith(f"{writer}.") for each in found["writers"]]
    assert ["onnx", "scikit-learn"] == found["engines"]
    for expected, read in zip(probabilities, found["probabilities"], strict=True):
        assert np.allclose(expected, read, rtol=0, atol=1e-12)


def test_there_are_other_pythons():
    """Those of the Makefile."""
    assert ["3.12", "3.13", "3.14"] == OTHERS


@pytest.mark.parametrize("other", OTHERS)
def test_files_of_another_python_are_read_here(other, tmp_path):
    """By 3.11, as that of the image."""
    probabilities = run(other, WRITE, tmp_path)

    check(run(OURS, READ, tmp_path), probabilities, other)


@pytest.mark.parametrize("other", OTHERS)
def test_files_of_ours_are_read_by_another_python(other, ours):
    """By newer ones than the one that wrote them."""
    folder, probabilities = ours

    check(run(other, READ, folder), probabilities, OURS)
