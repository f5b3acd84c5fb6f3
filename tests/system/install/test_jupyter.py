"""The notebook's way, in a real Jupyter kernel: serve, predict, the card, and what ends with the kernel."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.system.conftest import eventually, gone
from tests.system.install.conftest import HERE, in_environments, variables

pytestmark = in_environments("current")
FIT = """
import mlservice
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

model = service = 1
X, y = load_iris(return_X_y=True, as_frame=True)
estimator = LogisticRegression(max_iter=1000).fit(X, y)
def halved(rows):
    return rows / 2
"""
OWN = """%%writefile own_code.py
def halved(rows):
    return rows / 2
"""
OWN_IN_MODULE = """
from own_code import halved
second = mlservice.serve(make_pipeline(FunctionTransformer(halved), LogisticRegression()).fit(X, y), data=X, name="own")
print(second.packed.code)
"""
PIDS = "import os; print(os.getpid(), server.packed.directory.parent, second.packed.directory.parent)"
ASK = "server.predict(X).tolist() == estimator.predict(X).tolist(), second.predict(X[:2]).tolist()"


@pytest.fixture
def notebook(installed, workplace):
    """Run cells in the kernel of the environment, in a directory with files of the application's names."""

    def play(*cells):
        command = [installed.python, HERE / "kernel.py"]
        done = subprocess.run(
            command,
            cwd=workplace,
            env=variables(),
            input=json.dumps(cells),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return play


def test_a_model_is_served_from_a_notebook(notebook, workplace):
    """With its card; own code is told to move, and found when it has; an interrupt stops cells only; a kill, all."""
    _, refused, _, served, own, first, pids, second = notebook(
        FIT,
        "mlservice.serve(make_pipeline(FunctionTransformer(halved), LogisticRegression()).fit(X, y), data=X)",
        OWN,
        'server = mlservice.serve(estimator, data=X, name="iris")',
        OWN_IN_MODULE,
        "server",
        PIDS,
        "%interrupt",
        ASK,
    )

    assert "Error" == refused["error"][0]
    assert "unsupported_estimator: Pipeline contains halved" in refused["error"][1]
    assert "%%writefile own_code.py" in refused["error"][1]
    (url,) = re.findall(r"iris 1 is served at (http://127\.0\.0\.1:\d+) until server\.stop\(\)", served["text"])
    assert str(workplace) == own["text"].splitlines()[-1]
    assert f'href="{url}"' in first["shown"]["text/html"]
    assert f"{url}/predict -H" in first["shown"]["text/html"]
    assert f"<mlservice.Server iris 1 (onnx) at {url}>" == first["shown"]["text/plain"]
    assert "(True, [0, 0])" == second["shown"]["text/plain"]
    kernel, *folders = pids["text"].split()
    assert gone(int(kernel))
    eventually(lambda: not any(Path(folder).exists() for folder in folders), "the end of the servers' files")
    eventually(lambda: not listeners_at(url), "the end of the server")


def listeners_at(url):
    """Return what still listens there."""
    port = int(url.rpartition(":")[2])
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return [line for line in lines if line.split()[1].endswith(f":{port:04X}") and line.split()[3] == "0A"]
