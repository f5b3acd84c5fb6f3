"""What only fitting used is dropped when a model is packed, and is no reason to refuse it."""

import warnings
from functools import cache

import numpy as np
import pytest
import sklearn
from joblib import Memory
from scipy import stats
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401  # makes the next import work
from sklearn.feature_selection import RFE, SelectFromModel, SelectKBest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingRandomSearchCV,
    KFold,
    RandomizedSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from model.packing.pack import pack
from model.packing.pruning import keep_what_predicts
from tests.zoo import LOGISTIC
from tests.zoodata import FEW, MIXED, ONE_TARGET, SICK

FRAME = MIXED[["bmi", "pressure", "site"]]
SELECTED = make_column_transformer(
    (StandardScaler(), make_column_selector(dtype_include=np.number)),
    (OneHotEncoder(), make_column_selector(dtype_exclude=np.number)),
)
TEXTBOOK = make_pipeline(SELECTED, LOGISTIC)


class Folds(KFold):
    """A splitter of the caller's own."""


def half(truth, found):
    """Score with a function of the caller's own."""
    return float(np.mean(truth == found)) / 2


OWN = make_scorer(half)
GRID = {"logisticregression__C": [0.1, 1]}
DRAWN = {"logisticregression__C": stats.loguniform(0.1, 1)}
SEARCH = RandomizedSearchCV(TEXTBOOK, DRAWN, n_iter=2, cv=Folds(2), scoring=OWN, random_state=np.random.RandomState(0))
CLASSIFIERS = {
    "grid search": GridSearchCV(TEXTBOOK, GRID, cv=2),
    "drawn parameters": SEARCH,
    "halving": HalvingRandomSearchCV(TEXTBOOK, DRAWN, cv=2, random_state=0),
    "refitted by a function": GridSearchCV(TEXTBOOK, GRID, cv=2, refit=lambda _: 1),
    "splits given as indices": GridSearchCV(TEXTBOOK, GRID, cv=[(np.arange(99), np.arange(99, 199))]),
    "search in an ensemble": VotingClassifier([("search", SEARCH), ("plain", TEXTBOOK)], voting="soft"),
    "search under a stack": StackingClassifier(
        [("search", SEARCH)], LogisticRegression(), cv=Folds(2), passthrough=False
    ),
    "columns by a function": make_pipeline(
        ColumnTransformer([("n", StandardScaler(), lambda rows: ["bmi"]), ("o", OneHotEncoder(), ["pressure"])]),
        LOGISTIC,
    ),
    "scored by a function": make_pipeline(SELECTED, SelectKBest(lambda x, y: np.arange(x.shape[1]), k=2), LOGISTIC),
    "features by a number of them": make_pipeline(
        SELECTED, SelectFromModel(LOGISTIC, max_features=lambda rows: rows.shape[1] - 1), LOGISTIC
    ),
    "eliminated by a function": make_pipeline(
        SELECTED, RFE(LOGISTIC, importance_getter=lambda fitted: fitted.coef_), LOGISTIC
    ),
    "tuned threshold": TunedThresholdClassifierCV(TEXTBOOK, scoring=make_scorer(fbeta_score, beta=2), cv=2),
    "threshold for a label": TunedThresholdClassifierCV(TEXTBOOK, scoring=make_scorer(half), cv=2),
    "fixed threshold": FixedThresholdClassifier(SEARCH, threshold=0.4),
    "early stopping": make_pipeline(
        SELECTED, HistGradientBoostingClassifier(max_iter=3, early_stopping=True, scoring=OWN)
    ),
    "cached": make_pipeline(SELECTED, LOGISTIC, memory=Memory(None)),
}


@cache
def fit(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CLASSIFIERS[name].fit(FRAME, SICK)


@pytest.mark.parametrize("given", [FRAME, None], ids=["data", "no data"])  # one after the other, of one fit
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_what_only_fitting_used_is_no_reason_to_refuse_a_model(tmp_path, name, given):
    """Searches, splitters, scorers, caches and functions that chose columns are dropped; the answers stay."""
    fitted = fit(name)

    loaded = pack(fitted, tmp_path / "bundle", name="test", data=given, compiled=False)

    found = loaded.engine.predict(FRAME.to_numpy(dtype=object))
    assert fitted.predict(FRAME).tolist() == found.labels.tolist()
    np.testing.assert_allclose(fitted.predict_proba(FRAME), found.probabilities, rtol=0, atol=1e-15)


def test_requests_for_metadata_are_dropped(tmp_path):
    """A model whose steps request weights is packed: only routing reads the requests, which skops cannot hold."""
    with sklearn.config_context(enable_metadata_routing=True):
        weighted = LogisticRegression().set_fit_request(sample_weight=True)
        fitted = make_pipeline(StandardScaler().set_fit_request(sample_weight=False), weighted)
        fitted.fit(FEW, ONE_TARGET > 140, sample_weight=ONE_TARGET)

    loaded = pack(fitted, tmp_path / "bundle", name="test", data=FEW)

    assert fitted.predict(FEW).tolist() == loaded.engine.predict(FEW.to_numpy()).labels.tolist()


@pytest.mark.parametrize("regressor", [Ridge(), MultiOutputRegressor(Ridge())], ids=["one number", "several"])
def test_the_function_that_transformed_the_target_is_dropped(tmp_path, regressor):
    """A transformed target needs only its inverse function to predict: the function itself may be anything."""
    target = ONE_TARGET if isinstance(regressor, Ridge) else np.c_[ONE_TARGET, ONE_TARGET]
    fitted = TransformedTargetRegressor(regressor, func=lambda y: np.log(y) + 0, inverse_func=np.exp).fit(
        FEW.to_numpy(), target
    )

    loaded = pack(fitted, tmp_path / "bundle", name="test", data=FEW, compiled=False)

    assert fitted.predict(FEW.to_numpy()).tolist() == loaded.engine.predict(FEW.to_numpy()).labels.tolist()


def test_nothing_of_the_callers_estimator_changes():
    """What is dropped is dropped from copies; parts that lose nothing are the caller's own, and shared ones stay so."""
    forest = RandomForestClassifier(3, random_state=0)
    search = GridSearchCV(TEXTBOOK, GRID, cv=Folds(2), scoring=OWN)
    fitted = VotingClassifier([("search", search), ("columns", make_pipeline(SELECTED, forest))]).fit(FRAME, SICK)
    before = repr(fitted), [repr(each) for each in fitted.estimators_], vars(fitted).copy()

    pruned = keep_what_predicts(fitted)

    assert before == (repr(fitted), [repr(each) for each in fitted.estimators_], vars(fitted))
    assert pruned.estimators_[1][-1] is fitted.estimators_[1][-1]
    assert pruned.estimators_[0] is pruned.named_estimators_["search"]
    assert fitted.predict(FRAME).tolist() == pruned.predict(FRAME).tolist()


def test_an_estimator_that_lost_nothing_is_the_callers_own():
    """An estimator in which nothing is to drop is not copied."""
    fitted = RandomForestClassifier(3).fit(FEW, ONE_TARGET > 140)

    assert keep_what_predicts(fitted) is fitted


def test_an_object_that_leads_to_itself_is_pruned():
    """A component that refers to itself ends no recursion."""
    fitted = make_pipeline(SELECTED, LogisticRegression()).fit(FRAME, SICK)
    fitted.own = [fitted]

    assert callable(fitted[0].transformers[0][2])
    assert ["bmi", "site"] == list(keep_what_predicts(fitted)[0].transformers[0][2])
