"""The pipelines, searches and meta-estimators of scikit-learn's user guide, by its chapters, on small real data."""

from typing import Any

import numpy as np
from scipy import stats
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector, make_column_transformer
from sklearn.covariance import EllipticEnvelope
from sklearn.cross_decomposition import PLSRegression
from sklearn.decomposition import NMF, PCA, FactorAnalysis, FastICA, KernelPCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomTreesEmbedding,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401  # for what follows
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.feature_selection import (
    RFE,
    RFECV,
    GenericUnivariateSelect,
    SelectFdr,
    SelectFromModel,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
    chi2,
    f_regression,
    mutual_info_classif,
)
from sklearn.frozen import FrozenEstimator
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.kernel_approximation import AdditiveChi2Sampler, Nystroem, PolynomialCountSketch, RBFSampler
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import (
    BayesianRidge,
    ElasticNetCV,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    PoissonRegressor,
    RANSACRegressor,
    Ridge,
    RidgeCV,
    SGDClassifier,
    TheilSenRegressor,
)
from sklearn.metrics import fbeta_score, make_scorer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
    RepeatedStratifiedKFold,
    ShuffleSplit,
    TunedThresholdClassifierCV,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid, NeighborhoodComponentsAnalysis
from sklearn.neural_network import BernoulliRBM, MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.random_projection import GaussianRandomProjection
from sklearn.semi_supervised import LabelSpreading, SelfTrainingClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from tests.zoo import Case
from tests.zoodata import FEW, IRIS, LONG, MIXED, ONE_TARGET, SICK, TEXTS, TWO

LOGISTIC = LogisticRegression(max_iter=5000)
SEED = {"random_state": 0}
TREE = DecisionTreeClassifier(**SEED)
FOREST = RandomForestClassifier(5, **SEED)
POSITIVE = FEW - FEW.min()
HIGH = (ONE_TARGET > 140).astype(int)
GAPS = FEW.mask(np.arange(FEW.size).reshape(FEW.shape) % 13 == 0)
COMPLETE = MIXED.dropna()[["age", "bmi", "pressure", "group", "site"]]
WELL = SICK[MIXED.index.get_indexer(COMPLETE.index)]
HALF_LABELLED = np.where(np.arange(len(IRIS.target)) % 3 == 0, -1, IRIS.target)
FLAGS = np.c_[IRIS.target == 0, IRIS.target == 2].astype(int)

NUMERIC = Pipeline([("imputer", SimpleImputer(strategy="median")), ("scaler", StandardScaler())])
CATEGORICAL = Pipeline(
    [("encoder", OneHotEncoder(handle_unknown="ignore")), ("selector", SelectPercentile(chi2, percentile=50))]
)
MIXED_TYPES = Pipeline(
    [
        (
            "preprocessor",
            ColumnTransformer([("num", NUMERIC, ["age", "bmi"]), ("cat", CATEGORICAL, ["pressure", "group"])]),
        ),
        ("classifier", LogisticRegression()),
    ]
)
BY_DTYPE = make_pipeline(
    ColumnTransformer(
        [
            ("num", NUMERIC, make_column_selector(dtype_include=np.number)),
            ("cat", OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude=np.number)),
        ]
    ),
    LOGISTIC,
)
SEARCHED = {
    "preprocessor__num__imputer__strategy": ["mean", "median"],
    "preprocessor__cat__selector__percentile": stats.randint(30, 90),
    "classifier__C": stats.loguniform(0.1, 10),
}


def _numbers(estimator: Any, name: str, rows: Any = FEW, labels: Any = HIGH) -> Case:
    """Return a case of an estimator on columns of numbers."""
    return Case(name, estimator, rows, labels)


def compose() -> list[Case]:
    """Return those of "Pipelines and composite estimators"."""
    titled = make_column_transformer((CountVectorizer(), "note"), (MinMaxScaler(), ["bmi"]), remainder="drop")
    noted = MIXED[["bmi"]].assign(note=[TEXTS[place % len(TEXTS)] for place in range(len(MIXED))])
    reduced = Pipeline([("reduce_dim", PCA(3)), ("clf", SVC())])
    grid = {"reduce_dim": ["passthrough", PCA(2)], "clf": [SVC(), LOGISTIC], "clf__C": [0.1, 10]}
    union = FeatureUnion([("linear_pca", PCA(2)), ("kernel_pca", KernelPCA(2))]).set_params(kernel_pca="drop")
    quantile = TransformedTargetRegressor(LinearRegression(), transformer=QuantileTransformer(n_quantiles=50))
    logged = TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1)
    return [
        Case("mixed types", MIXED_TYPES, COMPLETE, WELL),
        Case(
            "mixed types, drawn search",
            RandomizedSearchCV(MIXED_TYPES, SEARCHED, n_iter=2, cv=2, **SEED),
            COMPLETE,
            WELL,
        ),
        Case(
            "columns by dtype, grid search",
            GridSearchCV(BY_DTYPE, {"logisticregression__C": [1, 2]}, cv=2),
            COMPLETE,
            WELL,
        ),
        Case(
            "columns by pattern",
            make_pipeline(make_column_transformer((RobustScaler(), make_column_selector("s[1-3]"))), Ridge()),
            FEW,
            ONE_TARGET,
        ),
        Case("text column beside a number", make_pipeline(titled, LOGISTIC), noted, SICK),
        _numbers(GridSearchCV(reduced, grid, cv=2), "steps replaced in a search"),
        _numbers(make_pipeline(union, LOGISTIC), "union with a dropped part"),
        _numbers(quantile, "target by quantiles", labels=ONE_TARGET),
        _numbers(logged, "target by a logarithm", labels=ONE_TARGET),
        _numbers(
            make_pipeline(make_union(StandardScaler(), FunctionTransformer(np.abs)), LOGISTIC), "union of a function"
        ),
    ]


def preprocessing() -> list[Case]:
    """Return those of "Preprocessing data", "Imputation" and "Random projection"."""
    steps = {
        "standard and clipped range": make_pipeline(StandardScaler(), MinMaxScaler(clip=True), LOGISTIC),
        "largest value": make_pipeline(MaxAbsScaler(), LOGISTIC),
        "quantiles": make_pipeline(QuantileTransformer(n_quantiles=20, **SEED), LOGISTIC),
        "quantiles to normal": make_pipeline(
            QuantileTransformer(n_quantiles=20, output_distribution="normal"), LOGISTIC
        ),
        "powers": make_pipeline(PowerTransformer(), LOGISTIC),
        "normaliser": make_pipeline(Normalizer(), LOGISTIC),
        "bins": make_pipeline(KBinsDiscretizer(4, quantile_method="averaged_inverted_cdf"), LOGISTIC),
        "ordinal bins": make_pipeline(KBinsDiscretizer(3, encode="ordinal", strategy="uniform"), LOGISTIC),
        "binarizer": make_pipeline(Binarizer(threshold=0.01), LOGISTIC),
        "interactions": make_pipeline(PolynomialFeatures(2, interaction_only=True), LOGISTIC),
        "splines": make_pipeline(SplineTransformer(n_knots=4), LOGISTIC),
        "random projection": make_pipeline(GaussianRandomProjection(3, **SEED), LOGISTIC),
    }
    encoders = {
        "one-hot": OneHotEncoder(drop="if_binary", handle_unknown="ignore"),
        "infrequent categories": OneHotEncoder(min_frequency=40, handle_unknown="infrequent_if_exist"),
        "ordinal with unknown": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        "target": TargetEncoder(cv=3, **SEED),
    }
    imputers = {
        "mean": SimpleImputer(add_indicator=True),
        "neighbours": KNNImputer(n_neighbors=2),
        "iterated": IterativeImputer(max_iter=2, **SEED),
        "union with indicators": FeatureUnion([("features", SimpleImputer()), ("indicators", MissingIndicator())]),
    }
    categories = COMPLETE[["pressure", "group"]]
    return [
        *(_numbers(estimator, name) for name, estimator in steps.items()),
        *(Case(f"encoder, {name}", make_pipeline(each, LOGISTIC), categories, WELL) for name, each in encoders.items()),
        *(_numbers(make_pipeline(each, FOREST), f"imputer, {name}", rows=GAPS) for name, each in imputers.items()),
    ]


def selection() -> list[Case]:
    """Return those of "Feature selection" and "Unsupervised dimensionality reduction"."""
    trees = ExtraTreesClassifier(5, **SEED)
    steps = {
        "variance": VarianceThreshold(0.0001),
        "k best": SelectKBest(mutual_info_classif, k=2),
        "false discoveries": SelectFdr(alpha=0.5),
        "univariate": GenericUnivariateSelect(mode="k_best", param=3),
        "L1": SelectFromModel(LinearSVC(penalty="l1", dual=False)),
        "trees": SelectFromModel(trees, threshold="mean", max_features=4),
        "trees fitted before": SelectFromModel(FrozenEstimator(clone(trees).fit(FEW, HIGH))),
        "recursive": RFE(LOGISTIC, n_features_to_select=3),
        "recursive, validated": RFECV(LOGISTIC, cv=2),
        "sequential": SequentialFeatureSelector(LOGISTIC, n_features_to_select=2, cv=2),
        "PCA": PCA(0.9, whiten=True),
        "ICA": FastICA(3, **SEED),
        "factors": FactorAnalysis(2, **SEED),
        "SVD": TruncatedSVD(3, **SEED),
        "components of neighbours": NeighborhoodComponentsAnalysis(2, max_iter=5, **SEED),
        "discriminants": LinearDiscriminantAnalysis(),
        "kernel PCA": KernelPCA(3, kernel="rbf"),
        "Nyström": Nystroem(n_components=20, **SEED),
        "RBF sampler": RBFSampler(n_components=10, **SEED),
        "count sketch": PolynomialCountSketch(n_components=10, **SEED),
        "tree embedding": RandomTreesEmbedding(3, max_depth=2, **SEED),
        "distances to centres": KMeans(3, n_init=1, **SEED),
    }
    return [
        *(_numbers(make_pipeline(step, LOGISTIC), f"selection, {name}") for name, step in steps.items()),
        _numbers(make_pipeline(AdditiveChi2Sampler(), LOGISTIC), "chi2 sampler", rows=POSITIVE),
        _numbers(make_pipeline(NMF(2, max_iter=500, **SEED), LOGISTIC), "NMF", rows=POSITIVE),
        _numbers(make_pipeline(MinMaxScaler(), BernoulliRBM(3, n_iter=2, **SEED), LOGISTIC), "RBM"),
        _numbers(make_pipeline(SelectKBest(f_regression, k=3), Ridge()), "k best of a regression", labels=ONE_TARGET),
    ]


def searches() -> list[Case]:
    """Return those of "Tuning the hyper-parameters" and "Tuning the decision threshold"."""
    scaled = make_pipeline(StandardScaler(), SVC(**SEED))
    drawn = {"svc__C": stats.expon(scale=10), "svc__gamma": stats.loguniform(1e-3, 1e-1), "svc__kernel": ["rbf"]}
    scoring = {"AUC": "roc_auc", "F2": make_scorer(fbeta_score, beta=2)}
    folds = RepeatedStratifiedKFold(n_splits=2, n_repeats=1, **SEED)
    return [
        _numbers(RandomizedSearchCV(scaled, drawn, n_iter=2, cv=folds, **SEED), "search of distributions"),
        _numbers(GridSearchCV(scaled, {"svc__C": [1, 2]}, scoring=scoring, refit="AUC", cv=2), "search by two scores"),
        _numbers(HalvingGridSearchCV(TREE, {"max_depth": [2, 3]}, cv=2, **SEED), "halving grid"),
        _numbers(HalvingRandomSearchCV(TREE, {"max_depth": stats.randint(2, 5)}, cv=2, **SEED), "halving, drawn"),
        _numbers(GridSearchCV(LOGISTIC, {"C": [1, 2]}, cv=ShuffleSplit(2, **SEED)), "search on shuffled splits"),
        _numbers(
            TunedThresholdClassifierCV(LOGISTIC, scoring=make_scorer(fbeta_score, beta=2), cv=2), "tuned threshold"
        ),
        _numbers(FixedThresholdClassifier(LOGISTIC, threshold=0.4), "fixed threshold"),
        _numbers(
            LogisticRegressionCV(cv=2, max_iter=5000, l1_ratios=(0,), use_legacy_attributes=False), "its own search"
        ),
        _numbers(make_pipeline(StandardScaler(), LassoCV(cv=2)), "lasso path", labels=ONE_TARGET),
        _numbers(RidgeCV(alphas=np.logspace(-6, 6, 5)), "ridge path", labels=ONE_TARGET),
        _numbers(ElasticNetCV(cv=2), "elastic net path", labels=ONE_TARGET),
    ]


def ensembles() -> list[Case]:
    """Return those of "Ensembles", "Probability calibration", "Multiclass and multioutput" and "Semi-supervised"."""
    votes = [("lr", LOGISTIC), ("rf", FOREST), ("gnb", GaussianNB())]
    regressors = [("ridge", RidgeCV()), ("tree", DecisionTreeRegressor(max_depth=3))]
    final = HistGradientBoostingRegressor(max_iter=5, min_samples_leaf=5)
    bagged = BaggingClassifier(KNeighborsClassifier(), n_estimators=3, max_samples=0.5, max_features=0.5, **SEED)
    searched = GridSearchCV(VotingClassifier(votes, voting="soft"), {"rf__n_estimators": [2, 3]}, cv=2)
    target = {"rows": IRIS.data, "labels": IRIS.target}
    return [
        _numbers(VotingClassifier(votes, voting="soft", weights=[2, 1, 1]), "weighted vote"),
        _numbers(searched, "search of a vote"),
        _numbers(VotingRegressor(regressors), "vote of regressors", labels=ONE_TARGET),
        _numbers(StackingClassifier(votes, LOGISTIC, cv=2, passthrough=True), "stack with passthrough"),
        _numbers(StackingRegressor(regressors, final, cv=2), "stack of regressors", labels=ONE_TARGET),
        _numbers(bagged, "bagged neighbours"),
        _numbers(AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=3, **SEED), "boosted trees"),
        _numbers(CalibratedClassifierCV(LinearSVC(), cv=2), "calibrated by sigmoids"),
        _numbers(CalibratedClassifierCV(FOREST, method="isotonic", cv=2, ensemble=False), "calibrated by steps"),
        _numbers(
            CalibratedClassifierCV(GaussianNB(), method="temperature", cv=2), "calibrated by a temperature", **target
        ),
        _numbers(OneVsRestClassifier(LinearSVC()), "one against the rest", **target),
        _numbers(OneVsOneClassifier(LinearSVC()), "one against one", **target),
        _numbers(OutputCodeClassifier(LinearSVC(), code_size=2, **SEED), "output codes", **target),
        _numbers(MultiOutputClassifier(FOREST), "several labels", rows=IRIS.data, labels=FLAGS),
        _numbers(ClassifierChain(LOGISTIC, order=[1, 0]), "chain of classifiers", rows=IRIS.data, labels=FLAGS),
        _numbers(MultiOutputRegressor(Ridge()), "several numbers", labels=TWO[:200]),
        _numbers(RegressorChain(Ridge()), "chain of regressors", labels=TWO[:200]),
        _numbers(SelfTrainingClassifier(LOGISTIC), "self-training", rows=IRIS.data, labels=HALF_LABELLED),
        _numbers(LabelSpreading(), "spread labels", rows=IRIS.data, labels=HALF_LABELLED),
    ]


def others() -> list[Case]:
    """Return those of the chapters on text and on single models."""
    counted = Pipeline([("vect", CountVectorizer()), ("tfidf", TfidfTransformer()), ("clf", SGDClassifier(**SEED))])
    grid = {"vect__ngram_range": [(1, 1), (1, 2)], "clf__alpha": (1e-2, 1e-3)}
    words = TfidfVectorizer(sublinear_tf=True, max_df=0.5, min_df=2, stop_words="english")
    hashed = make_pipeline(HashingVectorizer(n_features=64, alternate_sign=False), TfidfTransformer(), MultinomialNB())
    semantic = make_pipeline(words, TruncatedSVD(3, **SEED), Normalizer(copy=False), KMeans(2, n_init=1, **SEED))
    process = GaussianProcessRegressor(kernel=RBF() + WhiteKernel(), optimizer=None, **SEED)
    target = {"labels": ONE_TARGET}
    return [
        Case("text, grid search", GridSearchCV(counted, grid, cv=2), TEXTS, LONG),
        Case("text, stop words", make_pipeline(words, LinearSVC()), TEXTS, LONG),
        Case("text, hashed counts", hashed, TEXTS, LONG),
        Case("text, latent semantics", semantic, TEXTS, None),
        _numbers(make_pipeline(StandardScaler(), Perceptron(**SEED)), "perceptron"),
        _numbers(make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=20, **SEED)), "network"),
        _numbers(make_pipeline(StandardScaler(), NearestCentroid()), "nearest centroid"),
        _numbers(make_pipeline(PolynomialFeatures(2), BayesianRidge()), "Bayesian ridge", **target),
        _numbers(make_pipeline(StandardScaler(), PoissonRegressor()), "Poisson", **target),
        _numbers(make_pipeline(PolynomialFeatures(1), RANSACRegressor(**SEED)), "RANSAC", **target),
        _numbers(
            make_pipeline(StandardScaler(), TheilSenRegressor(max_subpopulation=50, **SEED)), "Theil-Sen", **target
        ),
        _numbers(GridSearchCV(KernelRidge(kernel="rbf"), {"alpha": [1, 0.1]}, cv=2), "kernel ridge", **target),
        _numbers(make_pipeline(StandardScaler(), process), "Gaussian process", **target),
        _numbers(make_pipeline(StandardScaler(), PLSRegression(2)), "partial least squares", **target),
        _numbers(make_pipeline(StandardScaler(), IsolationForest(n_estimators=5, **SEED)), "isolation forest"),
        _numbers(make_pipeline(PCA(3), EllipticEnvelope(**SEED)), "elliptic envelope"),
    ]


CHAPTERS = (compose, preprocessing, selection, searches, ensembles, others)


def cases() -> list[Case]:
    """Return all."""
    return [case for chapter in CHAPTERS for case in chapter()]
