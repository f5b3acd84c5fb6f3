"""Public clients of the protocols, as their users get them, against a running server."""

import json
import subprocess
from contextlib import contextmanager

import pytest

from tests.badinput import NAMES, ROW
from tests.conftest import ROOT
from tests.dialects import Table

pytestmark = pytest.mark.clients
PYTHON = ROOT / ".venv-clients/bin/python"
ROWS = [ROW, [6.9, 3.1, 5.1, 2.3], [5.9, 3.0, 4.2, 0.1 + 0.2]]
MIXED = """
import sys
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from model.packing.pack import pack
rows = pd.DataFrame({"size": [1.5, 2.5, None, 4.0] * 5, "kind": list("abcd") * 5, "new": [True, False] * 10})
encoder = OneHotEncoder(handle_unknown="ignore")
columns = ColumnTransformer([("n", SimpleImputer(), ["size"]), ("k", encoder, ["kind"]), ("b", "passthrough", ["new"])])
model = make_pipeline(columns, LogisticRegression())
pack(model.fit(rows, ["yes", "no"] * 10), sys.argv[1], name="mixed", data=rows)
"""


def ask(server, script, *arguments):
    """Run a client's script and return what it says it got."""
    command = [PYTHON, ROOT / f"tests/clients/{script}.py", f"127.0.0.1:{server.port}", *map(json.dumps, arguments)]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout.splitlines()[-1])


@contextmanager
def expecting(server):
    """Give what the native protocol answers on the same rows: labels and probabilities."""
    _, answer = server.predict({"instances": ROWS})
    yield {"predict": answer["predictions"], "predict_proba": answer["probabilities"]}


def test_tritonclient(serve):
    """Its defaults, which are binary both ways, and JSON; metadata, health, statistics, errors, compressed bodies."""
    server = serve()
    with expecting(server) as expected:
        found = ask(server, "triton", ROWS)

    ways = ("defaults", "json", "json_to_binary", "version", "gzip", "deflate")
    assert dict.fromkeys(ways, expected) == {way: found[way] for way in ways}
    assert (True, True, [True, True, False]) == (found["live"], found["ready"], found["model_ready"])
    assert {"binary_tensor_data", "statistics"} <= set(found["server"]["extensions"])
    assert [{"name": "features", "datatype": "FP64", "shape": [-1, 4]}] == found["model"]["inputs"]
    assert ("7", ["predict_proba"]) == (found["id"], found["chosen"])
    assert ("404", "400") == (found["unknown"][0], found["bad"][0])
    (statistics,) = found["statistics"]["model_stats"]
    assert ("iris", "1") == (statistics["name"], statistics["version"])
    success, fail = statistics["inference_stats"]["success"], statistics["inference_stats"]["fail"]
    assert (9, 1, 27) == (success["count"], fail["count"], statistics["inference_count"])
    assert success["ns"] > fail["ns"] > 0


def test_tritonclient_with_texts_and_truths(serve, run_python, tmp_path):
    """BYTES and BOOL, binary and as JSON, one tensor for each feature as the metadata has them."""
    run_python(MIXED, tmp_path / "mixed")
    server = serve(tmp_path / "mixed")
    table = Table(["size", "kind", "new"], [], [[1.5, "a", True], [2.5, "b", False], [3.0, "ü", True]])
    _, answer = server.predict({"instances": table.rows})

    found = ask(server, "triton_texts", table.columns)

    assert [answer["predictions"]] * 2 == found


def test_kserve(serve):
    """KServe's own client: V1, and V2 in JSON and binary."""
    server = serve()
    with expecting(server) as expected:
        found = ask(server, "kserve_rest", ROWS)

    assert {"predictions": expected["predict"]} == found["v1"]
    assert (expected, expected) == (found["v2"], found["v2_binary"])
    assert ([True, True], True, [True, True]) == (found["live"], found["ready"], found["model_ready"])
    assert "invalid_request" in found["error"]


def test_pydantic_open_inference(serve):
    """It labels its numbers FP32; they are read as they are written."""
    server = serve()
    with expecting(server) as expected:
        assert {"ready": True, **expected} == ask(server, "open_inference", ROWS)


def test_mlflow(serve):
    """MLflow's scoring server client: ping, version, a data frame."""
    server = serve()
    with expecting(server) as expected:
        version, labels = ask(server, "mlflow_scoring", ROWS, NAMES)

    assert version
    assert expected["predict"] == labels
