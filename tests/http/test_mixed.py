"""Models of several kinds of columns: what is taken, what is refused and how, and that packing changes no answer."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model.loading import load, make_rows
from model.onnx_export.random_rows import random_rows
from model.packing.column_facts import fitted_names
from model.packing.golden import predict_in_memory
from model.packing.pack import pack
from tests import zoo
from tests.http.conftest import Server

MIXED = [case for case in zoo.pipelines() if case.name in ("mixed types with missing values", "strict encoder, forest")]
PROPERTY = [*MIXED, *(case for case in zoo.pipelines() if case.name in ("text", "unnamed columns", "missing numbers"))]
ROW = {"age": 0.05, "bmi": 0.06, "pressure": "low", "group": "treated", "male": True, "site": 1}


@pytest.fixture(scope="module")
def strict(tmp_path_factory):
    folder = tmp_path_factory.mktemp("strict") / "bundle"
    pack(MIXED[1].fitted(), folder, name="strict", data=MIXED[1].rows)
    return Server(folder)


@pytest.mark.parametrize(
    ("change", "code", "pointer", "expected", "got"),
    [
        ({"pressure": "hihg"}, "invalid_value", "/features/pressure", "one of 'high', 'low', 'normal'", "'hihg'"),
        ({"pressure": None}, "invalid_value", "/features/pressure", "one of", "null"),
        ({"pressure": 1}, "invalid_value", "/features/pressure", "one of", "the number 1"),
        ({"bmi": "0.1"}, "invalid_value", "/features/bmi", "a number", "the string '0.1'"),
        ({"bmi": True}, "invalid_value", "/features/bmi", "a number", "true"),
        ({"male": 1}, "invalid_value", "/features/male", "one of False, True", "the number 1"),
        ({"site": 7}, "invalid_value", "/features/site", "one of", "the number 7"),
        ({"presure": "low", "pressure": ...}, "unknown_feature", "/features/presure", "perhaps 'pressure'", "no such"),
        ({"extra": 1}, "unknown_feature", "/features/extra", "one of 'age'", "no such feature"),
        ({"bmi": ...}, "missing_feature", "/features/bmi", "a value", "none"),
    ],
    ids=[
        "category",
        "null",
        "number",
        "text number",
        "truth",
        "code for truth",
        "code",
        "misspelt",
        "extra",
        "missing",
    ],
)
def test_each_bad_cell_says_row_column_expected_got_and_the_allowed_values(
    strict, change, code, pointer, expected, got
):
    """It is a 422, and never a 500 because of an error deep in the model."""
    row = {name: cell for name, cell in {**ROW, **change}.items() if cell is not ...}

    answer = strict.predict({"features": row})

    problem = answer.json["errors"][0]
    assert (422, code, pointer) == (answer.status_code, problem["code"], problem["pointer"])
    assert expected in problem["expected"]
    assert got in problem["got"]


def test_columns_in_any_order_are_right(strict):
    """Rows by name have the same answer in any order of the names."""
    answers = {strict.predict({"features": dict(items)}).data for items in (ROW.items(), reversed(ROW.items()))}

    assert 1 == len(answers)


def test_a_bad_row_among_many_is_named(strict):
    """The pointer has its row and column."""
    rows = [ROW, {**ROW, "pressure": "x"}, list(ROW.values())]

    assert "/instances/1/pressure" == strict.predict({"instances": rows}).json["errors"][0]["pointer"]


def test_a_model_of_text_takes_bare_strings(tmp_path):
    """It takes a string as a row, in a list, or by name, and nothing else."""
    case = next(case for case in zoo.pipelines() if case.name == "text")
    pack(case.fitted(), tmp_path / "bundle", name="text", data=case.rows)
    server = Server(tmp_path / "bundle")

    rows = ["good model", ["good model"], {"text": "good model"}]
    assert 1 == len({server.predict({"features": row}).data for row in rows})
    assert 3 == len(server.predict({"instances": rows}).json["predictions"])
    assert "invalid_row" == server.predict({"features": 5}).json["code"]
    assert "invalid_value" == server.predict({"features": [5]}).json["code"]
    assert "no_rows" == server.predict({"instances": []}).json["code"]


def test_rows_of_mixed_columns_are_logged_and_redacted(strict):
    """The log has the rows as they were sent, without the redacted columns."""
    server = Server(strict.bundle, LOG_REDACT="pressure")
    server.predict({"features": ROW})

    assert [[0.05, 0.06, None, "treated", True, 1.0]] == server.logged()[0]["inputs"]


def as_lists(probabilities):
    """Return the probabilities, of one output or of several, as JSON has them."""
    if isinstance(probabilities, tuple):
        return [each.tolist() for each in probabilities]
    return None if probabilities is None else probabilities.tolist()


@pytest.fixture(scope="module")
def packed(tmp_path_factory):
    """Pack each model once; return the estimator, its columns' dtypes, what its bundle gave, and a server of it."""
    made = {}
    for case in PROPERTY:
        folder = tmp_path_factory.mktemp("packed") / "bundle"
        estimator = case.fitted()
        in_memory = pack(estimator, folder, name="case", data=case.rows, compiled=False)
        server = Server(folder)
        made[case.name] = estimator, getattr(case.rows, "dtypes", None), in_memory, load(folder), server
    return lambda name: made[name]


@pytest.mark.parametrize("name", [case.name for case in PROPERTY])
@given(seed=st.integers(0, 2**32), count=st.integers(1, 8))
def test_predictions_are_the_same_before_and_after_packing_and_loading_and_over_http(packed, name, seed, count):
    """For random rows that the signature allows, whatever they are."""
    estimator, dtypes, in_memory, loaded, server = packed(name)
    signature = loaded.manifest.signature
    rows = random_rows(signature, count, seed, loaded.manifest.baseline)
    cells = [[None if cell is None or cell != cell else cell for cell in row] for row in rows.tolist()]  # noqa: PLR0124
    if signature.layout == "text":
        original = [row[0] for row in cells]
    elif fitted_names(estimator) is None:
        original = rows
    else:
        original = pd.DataFrame(cells, columns=list(signature.names))
        # As the training frame had them; whole numbers and truth values cannot be missing there.
        kept = {name: "float64" if str(dtype) == "int64" else dtype for name, dtype in dtypes.items()}
        original = original.astype({name: dtype for name, dtype in kept.items() if str(dtype) != "bool"})

    before = predict_in_memory(estimator, signature, original)
    after = [in_memory.engine.predict(make_rows(cells, signature)), loaded.engine.predict(make_rows(cells, signature))]
    answer = server.predict({"instances": cells}).json

    for prediction in after:
        np.testing.assert_array_equal(before.labels, prediction.labels)
        assert as_lists(before.probabilities) == as_lists(prediction.probabilities)
    assert before.labels.tolist() == answer["predictions"]
    assert as_lists(before.probabilities) == answer.get("probabilities")
