"""What a notebook imports: rows for requests, what is handed over to the process that packs, the card, the keeper."""

import datetime
import json
import os
import pickle
import signal
import subprocess
import sys
import types
from functools import partial

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from mlservice import application, keeper
from mlservice.card import card
from mlservice.errors import Error
from mlservice.handover import hand_over, stand_in
from mlservice.rows import as_rows, batches
from model.packing.handed_over import answer
from tests.conftest import ROOT
from tests.system.conftest import eventually, gone

DAY = datetime.date(2026, 3, 1)
FRAME = pd.DataFrame(
    {
        "n": [1.5, np.nan],
        "i": pd.array([2, None], dtype="Int64"),
        "s": pd.Categorical(["a", None]),
        "d": [pd.Timestamp(DAY), pd.NaT],
        "b": [True, False],
    }
)
MODEL = {"name": "churn", "version": "7", "task": "classifier", "engine": "onnx", "features": [{"name": "a"}]}
# Starts a keeper of `sleep` in a folder, says the folder, and sleeps itself.
KEPT = """
import sys, time
from mlservice.kept import Command, Kept
kept = Kept()
kept.start(Command(["-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"], out="out", err="err"))
print(kept.folder, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ([[1, 2.5], (None, float("nan"))], [[1, 2.5], [None, None]]),
        (np.array([[1.5, np.nan]]), [[1.5, None]]),
        (np.array([["a", None]], dtype=object), [["a", None]]),
        ([np.array([np.float32(0.5), np.int64(3)])], [[0.5, 3]]),
        ({"a": np.int64(1), "b": np.bool_(True)}, [{"a": 1, "b": True}]),
        ([{"a": DAY, "b": pd.NA}], [{"a": "2026-03-01", "b": None}]),
        (pd.Series(["spam", "ham"]), ["spam", "ham"]),
        (["spam", "ham"], ["spam", "ham"]),
        (scipy.sparse.csr_matrix([[0.0, 2.0]]), [[0.0, 2.0]]),
        (
            FRAME,
            [
                {"n": 1.5, "i": 2, "s": "a", "d": "2026-03-01T00:00:00", "b": True},
                {"n": None, "i": None, "s": None, "d": None, "b": False},
            ],
        ),
        (pd.DataFrame([[1, "x"]]), [[1, "x"]]),
    ],
    ids=["lists", "array", "objects", "scalars", "dict", "dicts", "series", "strings", "sparse", "frame", "no-names"],
)
def test_rows_of_any_kind_become_json(given, rows):
    """Names stay, whatever is missing is null, dates are ISO 8601, and nothing of numpy or pandas is left."""
    assert rows == as_rows(given)
    assert rows == json.loads(json.dumps(as_rows(given), allow_nan=False))


def test_rows_are_sent_in_requests_of_bounded_size():
    """Of so many rows, and of fewer where these are wide; in order, and none is lost."""
    narrow, wide = [[n] for n in range(25)], [[n] * 50_000 for n in range(5)]

    assert [10, 10, 5] == [len(each) for each in batches(narrow, 10)]
    assert [4, 1] == [len(each) for each in batches(wide, 10)]
    assert narrow == [row for each in batches(narrow, 10) for row in each]
    assert [] == list(batches([], 10))


@pytest.fixture
def own_module(tmp_path, monkeypatch):
    """Make a module of the caller's own in a folder of its own, and return it."""

    def make(name, folder="code"):
        place = tmp_path / folder
        place.mkdir(exist_ok=True)
        path = place / f"{name}.py"
        path.write_text("def same(rows):\n    return rows\n")
        module = types.ModuleType(name)
        module.__file__ = str(path)
        exec(path.read_text(), module.__dict__)
        monkeypatch.setitem(sys.modules, name, module)
        return module

    return make


def handed(tmp_path, estimator, code=None):
    with (tmp_path / "given.pickle").open("wb") as file:
        return hand_over({"estimator": estimator, "data": None}, file, code)


def test_the_directory_of_own_code_is_found(tmp_path, own_module):
    """It is where the modules are that are installed nowhere; an estimator of libraries needs none."""
    own = own_module("hand_made")

    assert tmp_path / "code" == handed(tmp_path, FunctionTransformer(own.same)).code
    assert tmp_path / "other" == handed(tmp_path, FunctionTransformer(own.same), tmp_path / "other").code
    assert None is handed(tmp_path, FunctionTransformer(np.log1p)).code


def test_own_code_in_two_directories_is_refused_with_both(tmp_path, own_module):
    """A server has one directory of own code."""
    functions = [own_module(name, folder).same for name, folder in (("hand_one", "one"), ("hand_two", "two"))]

    with pytest.raises(Error, match=r"bad_code: .*/one and .*/two: put it into one directory"):
        handed(tmp_path, [FunctionTransformer(each) for each in functions])


def test_a_module_with_a_name_of_the_application_is_refused(tmp_path, own_module, monkeypatch):
    """In its processes it would be another module."""
    own = own_module("wsgi")

    with pytest.raises(Error, match="bad_code: the model needs your module wsgi, a name that ml-service has"):
        handed(tmp_path, FunctionTransformer(own.same))


def test_what_cannot_be_written_says_why(tmp_path):
    """A lock, for one, is of its process only."""
    with pytest.raises(Error, match=r"unsupported_estimator: .*cannot be written .*TypeError"):
        handed(tmp_path, FunctionTransformer(partial(print, file=sys.stdout)))


def test_what_the_notebook_defines_has_a_stand_in_of_its_name(tmp_path, monkeypatch):
    """A class with its instances' state, and a function, which is never called."""
    made = stand_in("Ratio.Part", True), stand_in("half", False)
    for each in made:
        monkeypatch.setattr(sys.modules["__main__"], each.__name__, each, raising=False)
    instance = made[0]()
    instance.share = 0.5

    assert ["Ratio.Part", "half"] == handed(tmp_path, [instance, made[1]]).stand_ins
    again, function = pickle.loads((tmp_path / "given.pickle").read_bytes())["estimator"]
    assert ("__main__", "Ratio.Part", {"share": 0.5}) == (type(again).__module__, type(again).__qualname__, vars(again))
    with pytest.raises(NotImplementedError, match="half is in the notebook"):
        function(1)


def packed(tmp_path, estimator):
    """Hand an estimator over and pack it, as the other process does: what came of it."""
    stand_ins = handed(tmp_path, estimator).stand_ins
    told = {"output": str(tmp_path / "bundle"), "code": None, "name": "iris", "stand_ins": stand_ins}
    answer(str(tmp_path / "given.pickle"), json.dumps(told))
    return json.loads((tmp_path / "answer.json").read_text())


def test_a_step_of_the_notebooks_own_is_refused_with_what_to_do(tmp_path):
    """By its name, and with the lines to write."""
    rows, labels = load_iris(return_X_y=True)
    pipeline = make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()).fit(rows, labels)
    pipeline.steps[0][1].func = stand_in("half", False)

    found = packed(tmp_path, pipeline)

    assert "unsupported_estimator" == found["code"]
    assert "Pipeline contains half, which this notebook or script defines" in found["message"]
    assert "`%%writefile own_code.py`" in found["message"]
    assert "`from own_code import half`" in found["message"]


def test_what_only_fitting_used_may_be_the_notebooks_own(tmp_path):
    """Such as a scorer; warnings of packing are passed on."""
    rows, labels = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=1000).fit(rows, labels)
    model.scorer_ = stand_in("my_scorer", False)

    found = packed(tmp_path, model)

    assert ("iris", "onnx") == (found["name"], found["engine"])
    assert [] == found["warnings"]
    assert ["predictions", "probabilities", "decision_function"] == found["outputs"]


def test_the_card_shows_names_and_values_as_text():
    """Whatever they are: nothing of the model becomes HTML, and the shell reads the row as one word."""
    hostile = "<script>alert('x')</script>&\""
    shown = card("http://127.0.0.1:1", {**MODEL, "name": hostile}, [hostile])

    assert "<script" not in shown
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;&quot;" in shown
    assert 'href="http://127.0.0.1:1"' in shown
    assert "classifier, 1 feature, computed by onnx" in shown
    assert "&#x27;&quot;&#x27;&quot;&#x27;" in shown  # a single quote within single quotes, for the shell


def test_the_card_of_a_stopped_server_has_no_link():
    """It says that it is stopped."""
    shown = card(None, MODEL, None)

    assert "is stopped" in shown
    assert "http" not in shown


def test_a_long_row_is_not_in_the_card():
    """The command is then one that any terminal takes."""
    assert "curl http://127.0.0.1:1/model</pre>" in card("http://127.0.0.1:1", MODEL, ["long" * 1000])


def test_the_application_is_found_before_others_of_its_names(tmp_path, monkeypatch):
    """Files of its names in the current directory and on PYTHONPATH are no obstacle; PYTHONPATH stays."""
    for name in ("model", "service", "wsgi"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('not this')")
    (tmp_path / "mine.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    environ = application.environment()

    command = [sys.executable, "-c", "import mine, model.errors, service.errors; print(model.__file__)"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)

    assert (f"{ROOT}/model/__init__.py\n", "") == (done.stdout, done.stderr)
    assert ROOT == application.root()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_what_is_kept_ends_with_the_process_that_wants_it(number):
    """However that ends; the folder is removed."""
    # `nohup` has what it starts ignore SIGHUP.
    command = ["env", "--default-signal=HUP", sys.executable, "-c", KEPT]
    notebook = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    folder = type(ROOT)(notebook.stdout.readline().strip())
    child = int(eventually(lambda: (folder / "out").exists() and (folder / "out").read_text(), "the command"))

    notebook.send_signal(number)
    notebook.communicate()

    eventually(lambda: gone(child) and not folder.exists(), "the end of the command")


def test_a_command_that_fails_leaves_its_files(tmp_path):
    """Whoever started it reads there why."""
    arguments = [str(tmp_path), str(os.getpid()), str(tmp_path / "out"), str(tmp_path / "err")]
    command = [sys.executable, "-c", "import sys; sys.exit('no')"]

    done = subprocess.run([sys.executable, "-I", keeper.__file__, *arguments, *command], check=False)

    assert (1, "no\n") == (done.returncode, (tmp_path / "err").read_text())


def test_packing_imports_nothing_before_it_is_needed():
    """`import mlservice` takes no third-party package, and none of the application."""
    program = "import sys; import mlservice; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.append({str(ROOT)!r}); {program}"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert set() == set(done.stdout.split()) & {"numpy", "sklearn", "pandas", "flask", "model", "service"}
