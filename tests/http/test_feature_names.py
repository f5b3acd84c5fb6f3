"""Features that are called like members of the protocols: every protocol answers them as any other feature."""

import numpy as np
import pandas as pd
import pytest
from sklearn.naive_bayes import GaussianNB

from model.packing.pack import pack
from tests.dialects import Table
from tests.dialecttable import DIALECTS, VERTEX
from tests.http.conftest import Server

NAMES = [
    *("data", "inputs", "features", "instances", "columns", "index", "rows", "outputs", "id", "parameters", "params"),
    *("name", "shape", "datatype", "predictions", "probabilities", "prediction", "text", "input_data", "method"),
    *(
        "dataframe_split",
        "dataframe_records",
        "signature_name",
        "content_type",
        "input",
        "",
        "0",
        "a/b~c",
        'é, "x"',
        "NaN",
    ),
]
SPLIT = ["columns", "data", "index"]
CASES = {
    **{f"{name!r} and x": [name, "x"] for name in NAMES[:11]},
    "x and data": ["x", "data"],
    **{f"only {name!r}": [name] for name in NAMES[:8]},
    "split form": SPLIT,
    "split form, in another order": SPLIT[::-1],
    "columns and data": SPLIT[:2],
    "data and columns": SPLIT[1::-1],
    "data and index": SPLIT[1:],
    "all": NAMES,
}


@pytest.mark.parametrize("case", CASES)
def test_a_feature_may_be_called_like_a_member_of_a_protocol(tmp_path, case):
    """The answers are those of the native protocol to lists, whether rows have names or not."""
    names = CASES[case]
    draw = np.random.default_rng(len(names))
    rows = draw.normal(size=(40, len(names)))
    frame = pd.DataFrame(rows, columns=names)
    pack(GaussianNB().fit(frame, rows[:, 0] > 0), tmp_path / "bundle", name="case", data=frame, compiled=False)
    server = Server(tmp_path / "bundle", PREDICT_ROUTE=VERTEX)
    table = Table(names, ["float64"] * len(names), rows[:5].tolist())
    wanted = (rows[:5, 0] > 0).tolist()
    named = server.predict({"instances": table.objects})

    assert (200, wanted) == (named.status_code, named.json["predictions"])
    assert wanted == [server.predict({"features": row}).json["prediction"] for row in table.objects]
    for dialect in DIALECTS:
        question = dialect.ask(table)
        answer = server.client.post(question.path, data=question.body, headers=question.headers)
        assert (200, dialect.name) == (answer.status_code, dialect.name), answer.data
        assert wanted == dialect.read(answer.data, answer.headers)[0], dialect.name


def test_rows_of_a_model_with_a_feature_called_features_may_be_wrapped(tmp_path):
    """SageMaker's wrapper holds a list or an object, which no cell is; a row of the only feature holds its value."""
    rows = pd.DataFrame({"features": np.arange(40.0)})
    pack(GaussianNB().fit(rows, rows["features"] > 20), tmp_path / "bundle", name="case", data=rows, compiled=False)
    server = Server(tmp_path / "bundle")
    sent = [{"features": 39.0}, {"features": [39.0]}, {"features": {"features": 39.0}}]

    answers = [server.client.post("/invocations", json={"instances": [row]}).json for row in sent]

    assert [{"predictions": [True]}] * 3 == answers
