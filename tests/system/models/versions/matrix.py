"""Files of other scikit-learn versions: fitted, packed and served, and how the answers differ."""

import itertools
import json
import os
import subprocess
import sys
from dataclasses import dataclass

import numpy as np

from model.environments.making import python_of
from tests.conftest import ROOT

VERSIONS = ("1.3.2", "1.4.2", "1.5.2", "1.6.1", "1.7.2", "1.8.0")
MODELS = ("linear", "mixed", "forest", "boosting", "text")
FORMATS = ("joblib", "pkl", "skops")
ENVIRONMENTS = ROOT / ".venv-models/environments"
COMPILED_ONLY = ROOT / ".venv-models/compiled/bin/python"
# Packs all files but the last, which the command packs; one process imports the libraries once.
PACK = """
import os, sys
from model.commands.cli import main
for words in sys.argv[1:]:
    folder, name, kind = words.split(":")
    arguments = ["pack", f"{folder}/{name}.{kind}", "--data", f"{folder}/{name}.csv", "--name", name]
    assert not main([*arguments, "--output", f"{folder}/{name}-{kind}", "--no-env"], os.environ), words
"""
# Loads bundles as the server does, and predicts the rows beside them.
ANSWER = """
import json, sys
from pathlib import Path
from model.errors import ModelError
from model.loading import load, make_rows, verify
from model.predictor import Predictor
for place in map(Path, sys.argv[1:]):
    try:
        loaded = load(place)
    except ModelError as error:
        print(json.dumps({"engine": None, "refused": str(error)}))
        continue
    verify(loaded)
    rows = json.loads((place.parent / f"{loaded.manifest.name}.json").read_text())["rows"]
    found = Predictor(loaded).predict(make_rows(rows, loaded.manifest.signature))
    labels, probabilities = found.labels.tolist(), found.probabilities.tolist()
    print(json.dumps({"engine": loaded.engine.name, "labels": labels, "probabilities": probabilities}))
"""


@dataclass(frozen=True)
class Served:
    """How one model of one version was packed from its three files, and how it answers where it is served."""

    version: str
    libraries: str
    model: str
    engine: str
    difference: float


def run(python, *arguments, **environ):
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "MODEL_ENVIRONMENTS": str(ENVIRONMENTS), **environ}
    done = subprocess.run([str(python), *map(str, arguments)], env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def environment(version):
    return python_of(version, None, ENVIRONMENTS, lambda _: None)


def fit_and_pack(version, folder):
    """Fit with the version, write the files, and pack each; return what the command said about the last."""
    python = environment(version)
    run(python, "-W", "ignore", ROOT / "tests/system/models/versions/fit.py", folder)
    *others, (name, kind) = itertools.product(MODELS, FORMATS)
    paths = [folder / f"{name}.{kind}", "--data", folder / f"{name}.csv", "--output", folder / f"{name}-{kind}"]
    run(python, "-c", PACK, *(f"{folder}:{other}:{kind}" for other, kind in others))
    done = run(sys.executable, "-m", "model", "pack", *paths, "--name", name)
    return done.stderr + done.stdout


def answers(python, folder):
    """Return what the server of a Python would answer, by model and format."""
    cases = list(itertools.product(MODELS, FORMATS))
    lines = run(python, "-c", ANSWER, *(folder / f"{name}-{kind}" for name, kind in cases)).stdout.splitlines()
    return dict(zip(cases, map(json.loads, lines), strict=True))


def difference(answer, expected):
    """Return the largest difference of a probability; labels must be equal."""
    assert expected["labels"] == answer["labels"]
    return float(np.abs(np.array(answer["probabilities"]) - np.array(expected["probabilities"])).max())


def served(version, folder):
    """Yield how each model answers: a compiled one here, without scikit-learn and with its own; others with theirs."""
    program = "import numpy, pandas; print(f'numpy {numpy.__version__}, pandas {pandas.__version__}')"
    libraries = run(environment(version), "-c", program).stdout.strip()
    here, without, own = (answers(each, folder) for each in (sys.executable, COMPILED_ONLY, environment(version)))
    for model in MODELS:
        expected = json.loads((folder / f"{model}.json").read_text())
        compiled = here[model, FORMATS[0]]["engine"] == "onnx"
        asked = [each[model, kind] for each in ((here, without, own) if compiled else (own,)) for kind in FORMATS]
        (engine,) = {each["engine"] for each in asked}
        refused = [each[model, kind]["refused"] for each in (here, without) for kind in FORMATS if not compiled]
        assert all(f"make image BUNDLE={folder / model}-" in each for each in refused), refused
        yield Served(version, libraries, model, engine, max(difference(each, expected) for each in asked))
