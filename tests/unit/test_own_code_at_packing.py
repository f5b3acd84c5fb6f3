"""Own code is refused at packing where no server could import it, and proven in a new process where one could."""

import json
import subprocess
import sys

import joblib
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from model.errors import ModelError
from model.packing.pack import pack
from tests.conftest import ROOT

IRIS = load_iris(as_frame=True)
REMEDY = "move it to a module of its own, .*pack --code, MODEL_CODE"
SCRIPT = """
import json, sys, joblib, model
from model.errors import ModelError
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

class Mine(TransformerMixin, BaseEstimator):
    def fit(self, rows, _=None):
        self.fitted_ = True
        return self
    def transform(self, rows):
        return rows

def mine(rows):
    return rows

steps = {"class": Mine(), "function": FunctionTransformer(mine), "lambda": FunctionTransformer(lambda rows: rows)}
said = {}
for step, how in [each.split() for each in sys.argv[1:]]:
    fitted = make_pipeline(steps[step], LogisticRegression(max_iter=1000)).fit(*load_iris(return_X_y=True))
    if step == "class":
        joblib.dump(fitted, "class.joblib")
    try:
        model.pack(fitted, f"{step} {how}", name="test", allow_pickle=how == "pickle")
    except ModelError as error:
        said[f"{step} {how}"] = f"refused {error.code} {error}"
print(json.dumps(said))
"""


NAMES = {"class skops": "Mine", "class pickle": "Mine", "function pickle": "mine", "lambda pickle": "<lambda>"}


@pytest.fixture(scope="module")
def script(tmp_path_factory):
    """Run the script once for all that it packs; return its folder, and the refusal of each bundle by name."""
    folder = tmp_path_factory.mktemp("script")
    (folder / "train.py").write_text(SCRIPT)
    command = [sys.executable, "train.py", *NAMES]
    done = subprocess.run(command, cwd=folder, env={"PYTHONPATH": str(ROOT)}, capture_output=True, check=True)
    return folder, json.loads(done.stdout)


@pytest.mark.parametrize("bundle", NAMES)
def test_what_is_of_the_script_is_refused_from_python_with_the_remedy(script, bundle):
    """A class, function or lambda of `__main__` is refused, even where a pickle is allowed: no server finds it."""
    folder, said = script

    assert said[bundle].startswith(
        f"refused unsupported_estimator Pipeline contains {NAMES[bundle]}, which is in the script or notebook"
    )
    assert "move it to a module of its own" in said[bundle]
    assert "pack --code" in said[bundle]
    assert not (folder / bundle).exists()


def test_a_pickle_of_such_a_class_is_refused_by_the_command_too(script, tmp_path):
    """The file names a class of `__main__`, which the command does not have: it says so, with the remedy."""
    file = script[0] / "class.joblib"
    command = [sys.executable, "-m", "model", "pack", file, "--output", tmp_path / "bundle", "--allow-pickle"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (1, "") == (done.returncode, done.stdout)
    assert "class.joblib needs Mine, which is in the script or notebook" in done.stderr
    assert "move it to a module of its own" in done.stderr


@pytest.fixture
def importable(tmp_path, monkeypatch):
    """Write a module that only this process can import, and return a pipeline that uses its function."""
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "only_here.py").write_text("def same(rows):\n    return rows\n")
    monkeypatch.syspath_prepend(tmp_path / "own")
    module = __import__("only_here")
    yield make_pipeline(FunctionTransformer(module.same), LogisticRegression(max_iter=1000)).fit(IRIS.data, IRIS.target)
    sys.modules.pop("only_here")


def test_a_pickle_is_proven_in_a_new_process(tmp_path, importable):
    """A pickle that only the process that packs can load is refused: a server could not start with it."""
    with pytest.raises(ModelError, match=r"in a new process, as the server would: .*only_here.*pack --code") as raised:
        pack(importable, tmp_path / "bundle", name="test", data=IRIS.data, allow_pickle=True)

    assert ("bundle_corrupt", False) == (raised.value.code, (tmp_path / "bundle").exists())


@pytest.mark.parametrize("allow_pickle", [True, False])
def test_own_code_that_is_named_is_proven_there_too(tmp_path, importable, allow_pickle):
    """With the directory of its code, the same pipeline is packed as skops, and a new process loads it."""
    loaded = pack(
        importable, tmp_path / "b", name="test", data=IRIS.data, allow_pickle=allow_pickle, code=tmp_path / "own"
    )

    assert ["skops"] == loaded.manifest.kinds


def test_own_code_that_imports_what_only_this_process_has_is_refused(tmp_path, monkeypatch):
    """Own code is trusted by the name of its directory, and still has to import there."""
    (tmp_path / "own").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "helping.py").write_text("def same(rows):\n    return rows\n")
    (tmp_path / "own" / "outer.py").write_text("import helping\n\ndef same(rows):\n    return helping.same(rows)\n")
    monkeypatch.syspath_prepend(tmp_path / "own")
    monkeypatch.syspath_prepend(tmp_path / "elsewhere")
    step = FunctionTransformer(__import__("outer").same)
    estimator = make_pipeline(step, LogisticRegression(max_iter=1000)).fit(IRIS.data, IRIS.target)

    with pytest.raises(ModelError, match=r"in a new process, as the server would: .*helping"):
        pack(estimator, tmp_path / "bundle", name="test", data=IRIS.data, code=tmp_path / "own")

    for name in ("outer", "helping"):
        sys.modules.pop(name)


def test_a_process_that_crashes_or_prints_is_reported(tmp_path, monkeypatch):
    """What the own code prints is no answer, and a process that it ends is a refusal with what it said."""
    (tmp_path / "own").mkdir()
    code = "import os, sys\nprint('loading')\nif os.environ.get('HERE') != '1':\n    sys.exit('own words')\n"
    (tmp_path / "own" / "ending.py").write_text(f"{code}\ndef same(rows):\n    return rows\n")
    monkeypatch.syspath_prepend(tmp_path / "own")
    monkeypatch.setenv("HERE", "1")
    step = FunctionTransformer(__import__("ending").same)
    monkeypatch.setenv("HERE", "0")
    estimator = make_pipeline(step, LogisticRegression(max_iter=1000)).fit(IRIS.data, IRIS.target)

    with pytest.raises(ModelError, match=r"in a new process, as the server would: .*own words"):
        pack(estimator, tmp_path / "bundle", name="test", data=IRIS.data, code=tmp_path / "own")

    sys.modules.pop("ending")


def test_a_joblib_file_needs_no_new_name(tmp_path):
    """A model of scikit-learn's own classes is packed as before, from a file of any library that pickles."""
    joblib.dump(LogisticRegression(max_iter=1000).fit(IRIS.data, IRIS.target), tmp_path / "model.joblib")

    assert "skops" in pack(joblib.load(tmp_path / "model.joblib"), tmp_path / "bundle", name="test").manifest.kinds
