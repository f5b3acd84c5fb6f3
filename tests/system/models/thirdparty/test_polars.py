"""Models that were fitted on polars' data frames, and packed with them."""

import datetime

import numpy as np
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder

from model.errors import PackingWarning, UnsupportedEstimator
from model.loading import make_rows
from model.packing.pack import pack

pytestmark = pytest.mark.models

LABELS = np.array([0, 1, 1, 0] * 10)
UTC = datetime.UTC
MOMENTS = [datetime.datetime(2020, 1, 1, 12, tzinfo=UTC), datetime.datetime(2021, 5, 5, tzinfo=UTC)] * 20
ROWS = pl.DataFrame(
    {
        "size": [1.5, 2.0, None, 4.0] * 10,
        "count": [1, 2, 3, None] * 10,
        "city": ["Oslo", "Rome", "Oslo", None] * 10,
        "kind": pl.Series(["p", "q", "r", "p"] * 10, dtype=pl.Categorical),
        "open": [True, False, True, True] * 10,
        "day": [datetime.date(2020, 1, 1), datetime.date(2021, 5, 5)] * 20,
        "since": pl.Series(MOMENTS).dt.convert_time_zone("Europe/Oslo"),
    }
)
CODED = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def mixed():
    return make_pipeline(
        make_column_transformer(
            (SimpleImputer(), ["size", "count"]),
            (OneHotEncoder(handle_unknown="ignore"), ["city", "kind"]),
            *((CODED, [name]) for name in ("open", "day", "since")),
        ),
        LogisticRegression(max_iter=1000),
    )


@pytest.mark.parametrize(
    ("fitted_on", "columns"),
    [(ROWS, ROWS.columns[:2]), (ROWS, ROWS.columns), (ROWS.to_pandas(), ROWS.columns[:2])],
    ids=["numbers", "mixed", "fitted on pandas"],
)
def test_a_model_is_packed_with_a_polars_frame(tmp_path, fitted_on, columns):
    """Its signature has the columns' kinds, and it answers as it does in memory, whatever it was fitted on."""
    estimator = mixed() if len(columns) > 2 else HistGradientBoostingClassifier(max_iter=3)
    estimator.fit(fitted_on[columns], LABELS)

    loaded = pack(estimator, tmp_path / "bundle", name="case", data=ROWS[columns])

    signature = loaded.manifest.signature
    kinds = ["float64", "float64", "string", "string", "bool", "datetime", "datetime"]
    assert (tuple(columns), kinds[: len(columns)]) == (signature.names, [each.dtype for each in signature.features])
    found = loaded.engine.predict(make_rows(loaded.manifest.golden.rows, signature))
    assert loaded.manifest.golden.labels == found.labels.tolist()


def test_a_series_of_strings_is_the_data_of_a_model_of_text(tmp_path):
    """A model that takes strings is packed with a series of polars, or with a frame of one column."""
    texts = pl.Series("text", ["good model", "bad model", "bad price", "good price"] * 10)
    estimator = make_pipeline(CountVectorizer(), LogisticRegression()).fit(texts, LABELS)

    for data in (texts, texts.to_frame()):
        loaded = pack(estimator, tmp_path / "bundle", name="case", data=data)
        assert "text" == loaded.manifest.signature.layout


def test_rows_with_infinity_are_left_out_of_a_polars_frame(tmp_path):
    """As those of a pandas frame, with a warning."""
    rows = pl.DataFrame({"a": [float("inf"), 1.0, 2.0, 3.0] * 10, "b": list(range(40))})
    estimator = HistGradientBoostingClassifier(max_iter=3).fit(rows, LABELS)

    with pytest.warns(PackingWarning, match="10 of 40 rows"):
        loaded = pack(estimator, tmp_path / "bundle", name="case", data=rows)

    assert [[1.0, 1.0], [2.0, 2.0]] == loaded.manifest.golden.rows[:2]


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        ([datetime.timedelta(hours=1), datetime.timedelta(hours=2)] * 20, "timedelta64"),
        ([datetime.time(1), datetime.time(2)] * 20, "time"),
        ([[1.0], [2.0]] * 20, "ndarray|list"),
    ],
    ids=["durations", "times of day", "lists"],
)
def test_columns_that_no_request_can_express_are_refused(tmp_path, cells, kind):
    """The refusal names the column of a polars frame."""
    rows = pl.DataFrame({"c": cells})
    estimator = LogisticRegression().fit(pl.DataFrame({"c": np.arange(40.0)}), LABELS)

    with pytest.raises(UnsupportedEstimator, match=f"'c' contains ({kind})"):
        pack(estimator, tmp_path / "bundle", name="case", data=rows)
