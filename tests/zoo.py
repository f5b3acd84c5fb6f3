"""Every predictor that scikit-learn has, and the pipelines people build of them, each fitted on real data."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import FeatureAgglomeration
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.experimental import (
    enable_halving_search_cv,  # noqa: F401  # whose import makes the searches known
    enable_iterative_imputer,  # noqa: F401  # makes the next import work
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.random_projection import SparseRandomProjection
from sklearn.svm import SVC
from sklearn.utils import all_estimators

from tests.zoodata import AWKWARD, CANCER, DIABETES, FEW, IRIS, LONG, MIXED, ONE_TARGET, PRESENT, SICK, TEXTS, TWO

LOGISTIC = LogisticRegression(max_iter=5000)


@dataclass(frozen=True, eq=False)
class Case:
    """An estimator, the rows and labels to fit it on, and what to know about it."""

    name: str
    estimator: Any
    rows: Any
    labels: Any
    reason: str = ""  # why it cannot be served, if it cannot

    def fitted(self):
        """Return a new fitted estimator; what scikit-learn thinks of the fit is not at issue."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return clone(self.estimator).fit(self.rows, self.labels)


# What some constructors need, or what makes them fit real data.
ARGUMENTS = {
    "ClassifierChain": {"estimator": LOGISTIC},
    "ColumnTransformer": {},
    "FixedThresholdClassifier": {"estimator": LOGISTIC},
    "GridSearchCV": {"estimator": LOGISTIC, "param_grid": {"C": [0.1, 1]}},
    "HalvingGridSearchCV": {"estimator": LOGISTIC, "param_grid": {"C": [0.1, 1]}},
    "HistGradientBoostingClassifier": {"max_iter": 50},  # more trees than these say nothing more
    "HistGradientBoostingRegressor": {"max_iter": 50},
    "LocalOutlierFactor": {"novelty": True},
    "MultiOutputClassifier": {"estimator": LOGISTIC},
    "MultiOutputRegressor": {"estimator": Ridge()},
    "OneVsOneClassifier": {"estimator": LOGISTIC},
    "OneVsRestClassifier": {"estimator": LOGISTIC},
    "OutputCodeClassifier": {"estimator": LOGISTIC, "random_state": 0},
    "RadiusNeighborsClassifier": {"radius": 10},
    "RadiusNeighborsRegressor": {"radius": 10},
    "RFE": {"estimator": LOGISTIC},
    "RFECV": {"estimator": LOGISTIC},
    "RandomizedSearchCV": {"estimator": LOGISTIC, "param_distributions": {"C": [0.1, 1]}, "n_iter": 2},
    "RegressorChain": {"estimator": Ridge()},
    "SelfTrainingClassifier": {"estimator": LOGISTIC},
    "StackingClassifier": {"estimators": [("a", LOGISTIC), ("b", KNeighborsClassifier())]},
    "StackingRegressor": {"estimators": [("a", Ridge()), ("b", RandomForestRegressor(5, random_state=0))]},
    "TunedThresholdClassifierCV": {"estimator": LOGISTIC},
    "VotingClassifier": {"estimators": [("a", LOGISTIC), ("b", KNeighborsClassifier())]},
    "VotingRegressor": {"estimators": [("a", Ridge()), ("b", LinearRegression())]},
}


FASTER = {"n_estimators": 10, "max_iter": 500, "random_state": 0}


TWO_OUTPUTS = [
    *("MultiOutputRegressor", "RegressorChain", "CCA", "PLSCanonical"),
    *("MultiTaskElasticNet", "MultiTaskElasticNetCV", "MultiTaskLasso", "MultiTaskLassoCV"),
]


BINARY = ["FixedThresholdClassifier", "TunedThresholdClassifierCV"]


# What does not say enough of its columns by itself.
NEED_DATA = {"IsotonicRegression", "LabelPropagation", "LabelSpreading", "dates and two kinds of missing"}


CANNOT = {
    "Birch": "skops cannot hold its tree of nodes; a pinned pickle can",
}


KINDS = {"classifier", "regressor", "clusterer", "outlier_detector"}


def _make(name: str, cls: Any) -> Any:
    estimator = cls(**ARGUMENTS.get(name, {}))
    own = estimator.get_params()
    faster = {key: value for key, value in FASTER.items() if key in own and key not in ARGUMENTS.get(name, {})}
    if "max_iter" in faster and own["max_iter"] in (None, -1):
        del faster["max_iter"]
    return estimator.set_params(**faster)


def _data(name: str, kind: str) -> tuple[Any, Any]:
    if name in ("ClassifierChain", "MultiOutputClassifier"):
        return IRIS.data, np.c_[IRIS.target == 0, IRIS.target == 2].astype(int)
    if name in BINARY:
        return CANCER.data.iloc[:, :5], CANCER.target
    if name == "CategoricalNB":
        return IRIS.data.astype(int), IRIS.target
    if name == "IsotonicRegression":
        return DIABETES.data[["bmi"]], DIABETES.target
    if kind == "regressor":
        rows, labels = DIABETES.data.iloc[:200], DIABETES.target.iloc[:200]
        return (rows, TWO[:200]) if name in TWO_OUTPUTS else (rows, labels)
    return IRIS.data, IRIS.target


def predictors() -> list[Case]:
    """Return every classifier, regressor, clusterer with predict and outlier detector of all_estimators()."""
    cases = []
    for name, cls in all_estimators():
        if not hasattr(cls, "predict") and name != "LocalOutlierFactor":
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # deprecated ones are served too
                estimator = _make(name, cls)
        except TypeError:
            continue
        kind = estimator.__sklearn_tags__().estimator_type
        if kind in KINDS:
            cases.append(Case(name, estimator, *_data(name, kind), CANNOT.get(name, "")))
    return cases


NUMBERS = make_pipeline(SimpleImputer(), StandardScaler())


WORDS = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))


BY_KIND = ColumnTransformer([("n", NUMBERS, ["age", "bmi"]), ("w", WORDS, ["pressure", "group"])])


STRICT = ColumnTransformer([("n", "passthrough", ["bmi"]), ("w", OneHotEncoder(), ["pressure", "male", "site"])])


SMALL = {"random_state": 0}


def mixed_pipelines() -> list[Case]:
    """Return pipelines over columns of several kinds."""
    category = MIXED.assign(**{name: MIXED[name].astype("category") for name in ("pressure", "group")})
    category = category[["age", "bmi", "pressure", "group"]]
    from_dtype = HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype")
    numbers = ("n", NUMBERS, make_column_selector(dtype_include="number"))
    selected = ColumnTransformer([numbers], remainder=OneHotEncoder(handle_unknown="ignore"))
    encoded = ColumnTransformer([("t", TargetEncoder(), ["pressure", "group"])], remainder="passthrough")
    logged = ColumnTransformer([("l", FunctionTransformer(np.exp), ["bmi"]), ("o", OrdinalEncoder(), ["pressure"])])
    texts = MIXED.assign(note=[TEXTS[place % len(TEXTS)] for place in range(len(MIXED))])
    described = ColumnTransformer([("t", TfidfVectorizer(), "note"), ("n", "passthrough", ["bmi"])])
    plain, forest = make_pipeline(BY_KIND, LOGISTIC), make_pipeline(BY_KIND, RandomForestClassifier(5, **SMALL))
    boosted = make_pipeline(encoded, HistGradientBoostingClassifier(max_iter=10))
    lenient = OneHotEncoder(handle_unknown="ignore")
    awkward = ColumnTransformer(
        [
            ("two kinds of missing", lenient, ["category", "note"]),
            ("dates", OrdinalEncoder(), ["since"]),
            ("numbers", SimpleImputer(), ["visits", "age"]),
            ("truth", "passthrough", ["male"]),
        ]
    )
    return [
        Case("mixed types with missing values", plain, MIXED, SICK),
        Case("dates and two kinds of missing", make_pipeline(awkward, LOGISTIC), AWKWARD, SICK),
        Case("strict encoder, forest", make_pipeline(STRICT, RandomForestClassifier(10, **SMALL)), MIXED, SICK),
        Case("columns by dtype", make_pipeline(selected, LOGISTIC), MIXED, SICK),
        Case("target encoded", boosted, MIXED, SICK),
        Case("numpy function on a column", make_pipeline(logged, LOGISTIC), MIXED, SICK),
        Case("categories from dtype", from_dtype, category, SICK),
        Case("missing numbers", HistGradientBoostingRegressor(max_iter=10), MIXED[["age", "bmi"]], SICK),
        Case("text beside numbers", make_pipeline(described, LOGISTIC), texts, SICK),
        Case("stacked", StackingClassifier([("f", forest), ("l", plain)]), MIXED, SICK),
        Case("voted", VotingClassifier([("a", plain), ("b", forest)], voting="soft"), MIXED, SICK),
        Case("calibrated", CalibratedClassifierCV(plain, method="isotonic", cv=3), MIXED, SICK),
        Case("grid-searched", GridSearchCV(plain, {"logisticregression__C": [0.1, 1]}), MIXED, SICK),
    ]


def pipelines() -> list[Case]:
    """Return pipelines as people build them: over mixed columns, texts, numbers, and with several outputs."""
    union = FeatureUnion([("p", PolynomialFeatures(2)), ("k", SelectKBest(k=2))])
    counted = make_pipeline(CountVectorizer(ngram_range=(1, 2)), GradientBoostingClassifier(n_estimators=5))
    hashed = make_pipeline(HashingVectorizer(n_features=64), SGDClassifier(**SMALL))
    powers = make_pipeline(PolynomialFeatures(2), StandardScaler(), Ridge())
    logarithm = TransformedTargetRegressor(Ridge(), func=np.log, inverse_func=np.exp)
    forests = MultiOutputClassifier(RandomForestClassifier(5, **SMALL))
    framed = make_pipeline(StandardScaler(), LOGISTIC).set_output(transform="pandas")
    network = MLPClassifier((8,), max_iter=300, **SMALL)
    return [
        *mixed_pipelines(),
        Case("text", make_pipeline(TfidfVectorizer(), LOGISTIC), TEXTS, LONG),
        Case("text, support vectors", make_pipeline(TfidfVectorizer(), SVC()), TEXTS, LONG),
        Case("text, neighbours", make_pipeline(TfidfVectorizer(), KNeighborsClassifier(3)), TEXTS, LONG),
        Case("text, hashed", hashed, TEXTS, LONG),
        Case("text, counted", counted, pd.Series(TEXTS), LONG),
        Case("polynomial and ridge", powers, FEW, ONE_TARGET),
        Case("iterative imputer", make_pipeline(IterativeImputer(max_iter=2), Ridge()), FEW, ONE_TARGET),
        Case("splines", make_pipeline(SplineTransformer(), Ridge()), FEW, ONE_TARGET),
        Case("sparse projection", make_pipeline(SparseRandomProjection(3, **SMALL), Ridge()), FEW, ONE_TARGET),
        Case("pooled features", make_pipeline(FeatureAgglomeration(3), Ridge()), FEW, ONE_TARGET),
        Case("frames between the steps", framed, CANCER.data.iloc[:, :4], CANCER.target),
        Case("feature union", make_pipeline(union, LOGISTIC), IRIS.data, IRIS.target),
        Case("transformed target", logarithm, FEW, ONE_TARGET),
        Case("multi-output classes", forests, IRIS.data, np.c_[IRIS.target, IRIS.target == 1]),
        Case("multi-output numbers", MultiOutputRegressor(Ridge()), FEW, TWO[:200]),
        Case("multilabel forest", RandomForestClassifier(5, **SMALL), IRIS.data, PRESENT),
        Case("multilabel network", network, IRIS.data / 8, PRESENT),
        Case("string labels", LOGISTIC, IRIS.data, IRIS.target_names[IRIS.target]),
        Case("truth labels", LOGISTIC, IRIS.data, (IRIS.target == 1).to_numpy()),
        Case("unnamed columns", make_pipeline(StandardScaler(), LOGISTIC), IRIS.data.to_numpy(), IRIS.target),
    ]
