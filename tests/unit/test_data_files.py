"""CSV with training rows as pandas and Excel write it: what is neither names nor rows is said."""

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from model.errors import UnsupportedEstimator
from model.packing.data_files import rows_at
from model.packing.pack import pack

IRIS = load_iris(as_frame=True)
NAMED = LogisticRegression(max_iter=1000).fit(IRIS.data, IRIS.target)
UNNAMED = LogisticRegression(max_iter=1000).fit(IRIS.data.to_numpy(), IRIS.target)


@pytest.mark.parametrize("estimator", [NAMED, UNNAMED], ids=["names", "no names"])
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sep=,", "Excel's line sep=,, which is neither names nor a row: leave it out"),
        ('"sep=;"', "Excel's line sep=;, which .*: leave it out, and write the file with commas"),
        ("\ufeffsep=,", "Excel's line sep=,, which"),
        ("a;b;c;d", "separates its columns by ';'; write it with commas"),
        ("a\tb\tc\td", r"separates its columns by '\\t'; write it with commas"),
    ],
)
def test_what_is_neither_names_nor_rows_is_said(tmp_path, estimator, line, words):
    """Excel's line that names the separator, and a separator that is no comma."""
    path = tmp_path / "train.csv"
    path.write_text(f"{line}\n{IRIS.data.to_csv(index=False)}", encoding="utf-8")

    with pytest.raises(UnsupportedEstimator, match=words):
        rows_at(path, estimator)


def test_an_index_that_was_written_too_is_left_out_where_the_model_knows_its_names(tmp_path):
    """`to_csv()` writes the index as a first column without a name."""
    path = tmp_path / "train.csv"
    IRIS.frame.to_csv(path)

    loaded = pack(NAMED, tmp_path / "bundle", name="test", data=rows_at(path, NAMED))

    assert tuple(IRIS.feature_names) == loaded.manifest.signature.names


@pytest.mark.parametrize("name", ["train.csv", "train.parquet"])
def test_an_index_is_named_as_one_where_the_model_knows_no_names(tmp_path, name):
    """Such a model takes columns by their order, and the index is one too many."""
    path = tmp_path / name
    kept = IRIS.data.set_index(pd.Index(np.arange(150.0) + 0.5))
    kept.to_csv(path) if name == "train.csv" else kept.reset_index(names="__index_level_0__").to_parquet(path)

    with pytest.raises(UnsupportedEstimator, match=r"data have 5 .*such as the index of a data frame .*index=False"):
        pack(UNNAMED, tmp_path / "bundle", name="test", data=rows_at(path, UNNAMED))


def test_a_column_of_strings_may_hold_any_sign(tmp_path):
    """The only column of a model of one column has no separator."""
    path = tmp_path / "train.csv"
    path.write_text("a;b\n1.5\n2.5\n", encoding="utf-8")
    one = LogisticRegression().fit([[1.0], [2.0]], [0, 1])
    joblib.dump(one, tmp_path / "model.joblib")

    assert ["a;b"] == list(rows_at(path, one).columns)


def test_a_file_that_is_not_there_is_said(tmp_path):
    """The line says what to name."""
    with pytest.raises(UnsupportedEstimator, match=r"train\.csv is not there; name a file of training rows"):
        rows_at(tmp_path / "train.csv", UNNAMED)
