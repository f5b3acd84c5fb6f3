"""The command and a script of the user's own, where files of the application's names are in the way."""

import json

from tests.system.install.conftest import in_environments, run

pytestmark = in_environments("current", "oldest", "bare")
# Writes a model and, for those who have pandas, its training rows.
FIT = """
import csv, joblib
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
data = load_iris()
joblib.dump(RandomForestClassifier(20, random_state=0).fit(data.data, data.target), "model.joblib")
with open("train.csv", "w", newline="") as file:
    writer = csv.writer(file)
    writer.writerow(["sl", "sw", "pl", "pw"])
    writer.writerows(data.data.tolist())
"""
# Serves what it has fitted; its variables and the files around it have names of the application.
SERVE = """
import sys
import mlservice
assert not {"numpy", "sklearn", "model", "service"} & set(sys.modules)
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
rows, labels = load_iris(return_X_y=True)
model = service = 1
estimator = LogisticRegression(max_iter=1000).fit(rows, np.array(["a", "b", "c"])[labels])
with mlservice.serve(estimator, data=rows, compiled=sys.argv[1] == "onnx") as server:
    assert (estimator.predict(rows) == server.predict(rows)).all()
    assert np.allclose(estimator.predict_proba(rows), server.predict_proba(rows), atol=1e-9)
    print(server.model["engine"], server.model["made_with"]["scikit-learn"])
"""


def test_a_model_is_packed_and_examined(installed, hostile_packages):
    """With the libraries that are there, also without pandas; the data, where there is something that reads them."""
    data = [] if installed.name == "bare" else ["--data", "train.csv"]
    run(installed.python, "-P", "-c", FIT, cwd=hostile_packages)

    ours = [installed.command]
    told = ["--output", "bundle", "--name", "iris", "--json"]
    packed = json.loads(run(*ours, "pack", "model.joblib", *data, *told, cwd=hostile_packages))
    found = json.loads(run(*ours, "inspect", "bundle", "--json", cwd=hostile_packages))
    checked = json.loads(run(*ours, "check", "bundle", "--json", cwd=hostile_packages))

    assert ("bundle", "onnx", packed["digest"]) == (packed["directory"], packed["engine"], found["digest"])
    assert all(finding["ok"] for finding in checked)
    assert "Usage: ml-service [OPTIONS] COMMAND" in run(*ours, "--help", cwd=hostile_packages)


def test_a_model_is_served_from_a_script(installed, workplace):
    """Nothing around the script, and none of its variables, is taken for the application."""
    (workplace / "script.py").write_text(SERVE)
    engine = "scikit-learn" if installed.name == "oldest" else "onnx"

    said = run(installed.python, "script.py", engine, cwd=workplace).splitlines()

    version = next(line for line in installed.versions() if line.startswith("scikit-learn=="))
    assert f"{engine} {version.partition('==')[2]}" == said[-1]
