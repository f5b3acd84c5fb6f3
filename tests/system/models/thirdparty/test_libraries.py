"""Models of libraries that build on scikit-learn: compiled, served as a pinned pickle, or refused for a true reason."""

import json
import subprocess
import sys
from pathlib import Path

import category_encoders
import numpy as np
import pytest
from feature_engine.encoding import MeanEncoder, RareLabelEncoder
from feature_engine.imputation import CategoricalImputer, MeanMedianImputer
from feature_engine.transformation import YeoJohnsonTransformer
from glum import GeneralizedLinearRegressor
from interpret.glassbox import ExplainableBoostingClassifier, ExplainableBoostingRegressor
from mapie.regression import SplitConformalRegressor
from mlxtend.classifier import EnsembleVoteClassifier
from mlxtend.regressor import StackingRegressor
from ngboost import NGBClassifier, NGBRegressor
from quantile_forest import RandomForestQuantileRegressor
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklego.meta import EstimatorTransformer, Thresholder
from sklego.mixture import GMMClassifier
from skrub import TableVectorizer, tabular_pipeline

from model.bundle.requirements import SKLEARN
from model.errors import UnsupportedEstimator
from model.packing import pack as packing
from model.packing.pack import pack
from tests.conftest import ROOT
from tests.zoodata import CANCER, DIABETES, IRIS, MIXED, SICK

# What their libraries warn of is not at issue here, but in test_each_is_loaded_….
pytestmark = [pytest.mark.models, pytest.mark.filterwarnings("ignore")]

LOGISTIC = LogisticRegression(max_iter=5000)
FRAME = MIXED[["bmi", "age", "pressure", "group"]], SICK
TARGET = DIABETES.data.iloc[:200], DIABETES.target.iloc[:200]
BINARY = CANCER.data.iloc[:300, :5], CANCER.target.iloc[:300]
SMALL = {"max_rounds": 10, "outer_bags": 2, "interactions": 1, "n_jobs": 1}
FEATURES = (MeanMedianImputer(), CategoricalImputer(), RareLabelEncoder(n_categories=2), MeanEncoder())
ENCODED = make_column_transformer(
    (category_encoders.TargetEncoder(), ["pressure", "group"]), (SimpleImputer(), ["bmi", "age"])
)
PICKLED = {
    "category_encoders, in a pipeline": (
        make_pipeline(category_encoders.WOEEncoder(), SimpleImputer(), LOGISTIC),
        FRAME,
    ),
    "category_encoders, in columns": (make_pipeline(ENCODED, LOGISTIC), FRAME),
    "feature-engine": (make_pipeline(*FEATURES, LOGISTIC), FRAME),
    "feature-engine, numbers": (make_pipeline(YeoJohnsonTransformer(), Ridge()), TARGET),
    "skrub, whole pipeline": (tabular_pipeline(LogisticRegression()), FRAME),
    "skrub, in a pipeline": (make_pipeline(TableVectorizer(), SimpleImputer(), LOGISTIC), FRAME),
    "EBM": (ExplainableBoostingClassifier(**SMALL), BINARY),
    "EBM, mixed columns": (ExplainableBoostingClassifier(**SMALL), FRAME),
    "EBM, three classes": (ExplainableBoostingClassifier(**SMALL | {"interactions": 0}), (IRIS.data, IRIS.target)),
    "EBM, regressor": (ExplainableBoostingRegressor(**SMALL), TARGET),
    "quantile-forest": (RandomForestQuantileRegressor(5, random_state=0), TARGET),
    "quantile-forest, quantiles": (
        RandomForestQuantileRegressor(5, default_quantiles=[0.1, 0.9], random_state=0),
        TARGET,
    ),
    "NGBoost": (NGBRegressor(n_estimators=5, verbose=False), TARGET),
    "NGBoost, classifier": (NGBClassifier(n_estimators=5, verbose=False), BINARY),
    "scikit-lego": (GMMClassifier(), BINARY),
    "scikit-lego, threshold": (Thresholder(LOGISTIC, threshold=0.4), BINARY),
    "scikit-lego, in a pipeline": (make_pipeline(EstimatorTransformer(LinearRegression()), Ridge()), TARGET),
    "mlxtend, vote": (EnsembleVoteClassifier([LOGISTIC, DecisionTreeClassifier(max_depth=3)], voting="soft"), BINARY),
    "mlxtend, stack": (StackingRegressor([LinearRegression()], Ridge()), TARGET),
}
# Loads each bundle as the server does, in a process that has imported none of the libraries, with warnings as errors.
SERVE = """
import json, sys, warnings
from pathlib import Path
from model.bundle.trust import Trust
from model.loading import load, verify
for folder, digest in json.loads(sys.argv[1]):
    verify(load(Path(folder), Trust(digest, pickle=True)))
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Fit and pack every case with a pickle; return the fitted estimator, its folder and the loaded bundle by name."""
    cases = {}
    with pytest.MonkeyPatch.context() as patch:
        # One new process for all, in the test below, in place of one for each.
        patch.setattr(packing, "prove_in_fresh_process", lambda *_: None)
        for name, (estimator, (rows, labels)) in PICKLED.items():
            folder, fitted = tmp_path_factory.mktemp("bundles") / "bundle", clone(estimator).fit(rows, labels)
            cases[name] = fitted, folder, pack(fitted, folder, name="test", data=rows, allow_pickle=True)
    return cases


def answers(loaded, rows):
    """Return a bundle's answers to a frame of rows."""
    numeric = loaded.manifest.signature.layout == "matrix"
    return loaded.engine.predict(rows.to_numpy(dtype=float if numeric else object))


@pytest.mark.parametrize("name", PICKLED)
def test_it_is_packed_and_answers_alike(made, name):
    """The bundle holds a pickle, says which library it needs, and gives the estimator's own answers."""
    (fitted, _, loaded), rows = made[name], PICKLED[name][1][0].iloc[::7]

    found = answers(loaded, rows)

    labels = np.asarray(fitted.predict(rows))  # of a frame, whose products differ in the last bits
    assert (labels == found.labels).all() or np.allclose(labels.astype(float), found.labels, rtol=1e-14, atol=0)
    assert any(file.endswith(".joblib") for file in loaded.manifest.files)
    needed = [each.partition("==")[0] for each in loaded.manifest.requires]
    assert SKLEARN in needed
    assert len(needed) > 1


def test_each_is_loaded_in_a_process_of_its_own_whatever_its_library_warns_of(made):
    """All bundles load and give their golden answers in a new process, where warnings would be errors."""
    bundles = [(str(folder), loaded.digest) for _, folder, loaded in made.values()]

    subprocess.run(
        [sys.executable, "-W", "error::FutureWarning", "-c", SERVE, json.dumps(bundles)], check=True, cwd=ROOT
    )


@pytest.mark.parametrize(
    "name", ["category_encoders, in columns", "feature-engine", "EBM", "quantile-forest", "NGBoost"]
)
def test_without_leave_for_a_pickle_it_is_refused_with_what_to_do(made, tmp_path: Path, name):
    """The refusal names what skops does not hold, and the pickle that may."""
    with pytest.raises(UnsupportedEstimator, match="A pickle may hold it, if you allow one"):
        pack(made[name][0], tmp_path / "bundle", name="test", data=PICKLED[name][1][0])


def test_a_wrapper_that_is_no_estimator_says_what_to_pack(tmp_path):
    """MAPIE's conformal regressors have no tags, parameters or features: the refusal says so, and what to do."""
    rows, labels = TARGET[0].to_numpy(), TARGET[1].to_numpy()
    fitted = SplitConformalRegressor(LinearRegression(), prefit=False).fit(rows, labels).conformalize(rows, labels)

    with pytest.raises(UnsupportedEstimator, match=r"does not say whether .* pack the estimator that it wraps"):
        pack(fitted, tmp_path / "bundle", name="test", data=rows, allow_pickle=True)


def test_a_model_that_expands_categories_itself_says_what_it_needs(tmp_path):
    """Glum counts the columns that it made of categories, and does not remember those of the data."""
    rows = FRAME[0].dropna().astype({"pressure": "category", "group": "category"})
    fitted = GeneralizedLinearRegressor(alpha=1).fit(rows, rows["bmi"])

    with pytest.raises(UnsupportedEstimator, match="needs a pipeline that does so before it"):
        pack(fitted, tmp_path / "bundle", name="test", data=rows, allow_pickle=True)


def test_what_scikit_learn_itself_does_not_predict_with_is_refused_with_what_it_says(tmp_path):
    """scikit-learn's pipelines take NGBoost's models for not fitted, wherever they predict: no server could."""
    fitted = make_pipeline(StandardScaler(), NGBRegressor(n_estimators=2, verbose=False)).fit(*TARGET)

    with pytest.raises(NotFittedError):
        fitted.predict(TARGET[0])
    with pytest.raises(UnsupportedEstimator, match="not fitted yet"):
        pack(fitted, tmp_path / "bundle", name="test", data=TARGET[0], allow_pickle=True)
