"""What `pack` says of data that it takes, but that may not be what their owner thinks."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from model.commands.cli import main
from model.packing.data_files import rows_at
from tests.conftest import ROOT

LABELS = [0, 1, 1, 0] * 10


def days(rows):
    """Return dates, or strings of them, as days: code that does not say on what it was fitted."""
    return np.asarray(rows).astype("M8[D]").astype(np.float64)


def fitted(rows, *steps):
    return make_pipeline(make_column_transformer(*steps), LogisticRegression()).fit(rows, LABELS)


@pytest.fixture
def pack(tmp_path, capfd):
    """Write an estimator and its data to files, and pack these by the command; return its exit code and stderr."""

    def run(estimator, rows):
        model, data = tmp_path / "model.joblib", tmp_path / "train.csv"
        joblib.dump(estimator, model)
        rows.to_csv(data, index=False)
        code = main(
            ["pack", str(model), "--data", str(data), "--output", str(tmp_path / "out"), "--code", str(ROOT)], {}
        )
        return code, capfd.readouterr().err

    return run


def test_dates_that_csv_turned_into_strings_are_said(pack):
    """CSV has no dates: a model whose own code was fitted on dates would be packed for strings without a word."""
    rows = pd.DataFrame({"since": pd.to_datetime(["2020-01-01", "2021-05-05"] * 20), "x": np.arange(40.0)})
    estimator = fitted(rows, (FunctionTransformer(days), ["since"]), ("passthrough", ["x"]))

    code, said = pack(estimator, rows)

    assert 0 == code
    assert "warning: the column 'since' of " in said
    assert "read as strings" in said


def test_rows_with_infinity_are_said(pack):
    """The command prints the warning that rows were left out as a line of its own."""
    rows = pd.DataFrame({"x": [np.inf, 1.0, 2.0, 3.0] * 10})
    estimator = HistGradientBoostingClassifier(max_iter=3).fit(rows, LABELS)

    code, said = pack(estimator, rows)

    assert 0 == code
    assert "warning: 10 of 40 rows of the data contain infinity" in said


@pytest.mark.parametrize(
    ("cells", "step"),
    [
        (["a-b", "2020"] * 20, FunctionTransformer()),
        (["2020-01-01", "2021-05-05"] * 20, OneHotEncoder()),
        ([20200101, 20210505] * 20, FunctionTransformer()),
    ],
    ids=["no dates", "an encoder of strings", "numbers"],
)
def test_what_the_estimator_was_fitted_on_is_read_without_a_warning(tmp_path, cells, step):
    """Strings that an encoder was fitted on, and what does not look like dates, are no reason to warn."""
    rows = pd.DataFrame({"since": cells})
    estimator = make_pipeline(make_column_transformer((step, ["since"]))).fit(rows)
    rows.to_csv(tmp_path / "train.csv", index=False)

    found = rows_at(tmp_path / "train.csv", estimator)

    assert cells == found["since"].tolist()
