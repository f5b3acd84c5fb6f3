"""What encoders know is attributed to input columns only if they were given those, unchanged."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import BaggingClassifier, HistGradientBoostingRegressor
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

from model.columns import join_columns
from model.packing.column_facts import ColumnFacts, column_facts
from model.packing.pack import pack
from model.packing.signature_reader import read_signature
from model.packing.training_data import read_columns

DRAW = np.random.default_rng(0)
CODED = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
FRAME = pd.DataFrame(
    {
        "age": DRAW.integers(5, 20, 120) * 3 + 0.25,
        "city": DRAW.choice(["p", "q"], 120),
        "sort": DRAW.choice(["x", "y", "z"], 120),
    }
)
SAID = {"city": ColumnFacts("string", ("p", "q")), "sort": ColumnFacts("string", ("x", "y", "z"))}
FREQUENT = SimpleImputer(strategy="most_frequent")
FIRST = ColumnTransformer([("s", FREQUENT, ["sort"])], remainder="passthrough")
TARGET = FRAME["city"] == "p"
FLOORED = make_pipeline(FunctionTransformer(np.floor), OrdinalEncoder())


def known(*steps, names):
    """Return what is known of some columns of the frame after a fit on them."""
    estimator = make_pipeline(*steps, LogisticRegression()).fit(FRAME[names], TARGET)
    return column_facts(estimator, names)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([FIRST, OneHotEncoder()], SAID),
        (["passthrough", FREQUENT, FunctionTransformer(), OneHotEncoder()], SAID),
        ([FIRST, ColumnTransformer([("o", OneHotEncoder(), [1])])], {"city": SAID["city"]}),
        ([FeatureUnion([("o", OneHotEncoder()), ("d", OrdinalEncoder())])], SAID),
        ([FeatureUnion([("p", "passthrough"), ("d", FIRST)]), OneHotEncoder()], SAID),
        ([OrdinalEncoder(), OneHotEncoder()], SAID),
        ([ColumnTransformer([("d", "drop", ["city"]), ("o", OneHotEncoder(), ["sort", "city"])])], SAID),
        (
            [ColumnTransformer([("d", "drop", ["city"]), ("o", OneHotEncoder(), ["sort"])])],
            {**SAID, "city": ColumnFacts("any")},
        ),
    ],
    ids=["reordered", "kept", "by position", "union", "union kept", "computed", "dropped and used", "dropped"],
)
def test_categories_are_those_of_the_columns_that_the_encoder_was_given(steps, expected):
    """Categories are attributed to the right columns, whatever earlier steps did to their order and number."""
    assert expected == known(*steps, names=["city", "sort"])


@pytest.mark.parametrize(
    "steps",
    [
        [ColumnTransformer([("f", FLOORED, ["age"])])],
        [StandardScaler(), OneHotEncoder()],
        [KBinsDiscretizer(3)],
        [SimpleImputer(missing_values=5 * 3 + 0.25), OneHotEncoder(handle_unknown="ignore")],
    ],
    ids=["floored", "scaled", "binned", "numbers replaced"],
)
def test_categories_of_computed_values_say_nothing_of_the_input(steps):
    """Categories of computed values say nothing about the input columns."""
    assert {} == known(*steps, names=["age"])


@pytest.mark.parametrize("vectoriser", [TfidfVectorizer(), HashingVectorizer(n_features=8)])
def test_a_vectoriser_of_one_column_reads_texts(vectoriser):
    """A vectoriser of one column takes strings, also behind an imputer whose output is flattened."""
    filled = make_pipeline(FREQUENT, FunctionTransformer(np.ravel), vectoriser)
    texts = FRAME.assign(city=["one two", "two three"] * 60)
    estimator = make_pipeline(make_column_transformer((vectoriser, "sort"), (filled, ["city"])), LogisticRegression())
    vectoriser.set_params(token_pattern=r"\w+")

    found = column_facts(estimator.fit(texts, TARGET), list(texts.columns))

    assert {"city": ColumnFacts("string"), "sort": ColumnFacts("string"), "age": ColumnFacts("any")} == found


def test_each_member_of_a_bagging_is_given_columns_of_its_own():
    """Each member of a bagging ensemble is given the columns that the ensemble drew, in that order."""
    codes = FRAME[["city", "sort"]].replace({"p": 1.0, "q": 2.0, "x": 3.0, "y": 4.0, "z": 5.0}).astype(float)
    members = make_pipeline(OneHotEncoder(handle_unknown="ignore"), LogisticRegression())
    estimator = BaggingClassifier(members, n_estimators=4, bootstrap_features=True, random_state=0)

    found = column_facts(estimator.fit(codes.to_numpy(), TARGET), ["city", "sort"])

    assert {"city": ColumnFacts("float64", (1.0, 2.0)), "sort": ColumnFacts("float64", (3.0, 4.0, 5.0))} == found


BOOSTED = make_pipeline(
    make_column_transformer(
        (CODED, ["city"]), ("drop", ["sort"]), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas"),
    HistGradientBoostingRegressor(max_iter=3, categorical_features=["city"]),
)


@pytest.mark.parametrize(
    ("estimator", "names"),
    [
        (make_pipeline(FIRST, OneHotEncoder(), LogisticRegression()), ["city", "sort"]),
        (BOOSTED, ["age", "city", "sort"]),
    ],
    ids=["reordered", "boosting over what an encoder gives"],
)
def test_a_model_is_packed_whose_steps_change_the_columns_before_they_are_encoded(tmp_path, estimator, names):
    """A model whose steps reorder or drop columns before encoding is packed with the right categories."""
    estimator.fit(FRAME[names], TARGET.astype(int))

    loaded = pack(estimator, tmp_path / "bundle", name="test", data=FRAME[names], compiled=False)

    signature = loaded.manifest.signature
    for feature in signature.features:
        assert feature.categories is None or set(feature.categories) == set(FRAME[feature.name])
    rows = join_columns([column.cells for column in read_columns(FRAME[names], None)], signature)
    assert estimator.predict(FRAME[names]).tolist() == loaded.engine.predict(rows).labels.tolist()


class Lower(OneHotEncoder):
    """Somebody's own encoder, which remembers other texts than those that it takes."""

    def fit(self, rows, y=None):
        return super().fit(np.char.lower(np.asarray(rows, dtype=str)), y)

    def transform(self, rows):
        return super().transform(np.char.lower(np.asarray(rows, dtype=str)))


def test_categories_that_the_data_contradict_are_none():
    """Categories that the training data contradict are not required of requests."""
    rows = FRAME[["city"]].apply(lambda cells: cells.str.upper())
    estimator = make_pipeline(Lower(), LogisticRegression()).fit(rows, TARGET)
    assert {"city": SAID["city"]} == column_facts(estimator, ["city"])

    (feature,) = read_signature(estimator, read_columns(rows, None)).features

    assert feature.categories is None


def test_an_imputer_of_none_says_how_a_missing_text_is_known(tmp_path):
    """Behind an imputer of None, a missing string is represented by None, not by NaN."""
    rows = pd.DataFrame({"city": pd.Series(["a", None, "b"] * 40, dtype=object)})
    filled = SimpleImputer(missing_values=None, strategy="constant", fill_value="none")
    estimator = make_pipeline(filled, OneHotEncoder(), LogisticRegression()).fit(rows, TARGET)

    (feature,) = pack(estimator, tmp_path / "bundle", name="test", data=rows).manifest.signature.features

    assert ("none", True, ("a", "b", "none")) == (feature.missing, feature.nullable, feature.categories)
