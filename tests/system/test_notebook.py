"""A model served from the process that fitted it, as a notebook does: `mlservice.serve` in a script of its own."""

import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT

FIT = """
import numpy as np
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
import mlservice
rows, labels = load_iris(return_X_y=True, as_frame=True)
species = np.array(["setosa", "versicolor", "virginica"], dtype=object)[labels]
estimator = LogisticRegression(max_iter=1000).fit(rows, species)
model = service = "variables of the notebook"
"""
USE = f"""{FIT}
with mlservice.serve(estimator, data=rows, name="iris", version="3") as server:
    found = server.predict(rows)
    assert estimator.predict(rows).dtype == found.dtype
    assert list(estimator.predict(rows)) == list(found) == list(server.predict(rows[rows.columns[::-1]]))
    assert list(estimator.predict(rows[:1])) == list(server.predict(rows.iloc[0].to_dict()))
    assert np.allclose(estimator.predict_proba(rows), server.predict_proba(rows.to_numpy()), atol=1e-9)
    try:
        server.predict([[1, 2, "x", 4]])
    except mlservice.Error as error:
        assert "invalid_value: /instances/0/2: expected a number" in str(error)
        assert "invalid_value" == error.code
    else:
        raise AssertionError
    assert server.url in repr(server)
    assert server.url in server._repr_html_()
    print(server.packed.directory.parent, "LISTENING" if "Listening at" in server.log.read_text() else "")
assert "stopped" in repr(server)
try:
    server.predict(rows)
except mlservice.Error as error:
    assert "no_answer" == error.code
    assert "stopped> does not answer; start another one" in str(error)
else:
    raise AssertionError
try:
    mlservice.serve("iris.joblib")
except mlservice.Error as error:
    assert "'iris.joblib' is a path, not a model; pass the fitted estimator" in str(error)
else:
    raise AssertionError
try:
    mlservice.serve(estimator, compiled=False, settings={{"THREADS": "many"}})
except mlservice.Error as error:
    assert "THREADS='many': expected a whole number" in str(error)
    assert "The server's log:" in error.__notes__[0]
else:
    raise AssertionError
"""


def test_a_fitted_estimator_is_served_where_it_is():
    """It answers as the estimator does, to every kind of rows; an error is one line; nothing is left at the end."""
    done = subprocess.run([sys.executable, "-c", USE], cwd=ROOT, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)
    said, found = done.stdout.splitlines()
    assert said.startswith("iris 3 is served at http://127.0.0.1:")
    folder, listening = found.split()
    assert "LISTENING" == listening
    assert not Path(folder).exists()
