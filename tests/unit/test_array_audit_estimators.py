"""What compiled code reads from estimators: distances, codes, words, clusters, categories, generators."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import BisectingKMeans, FeatureAgglomeration, KMeans
from sklearn.datasets import load_iris
from sklearn.decomposition import LatentDirichletAllocation
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer
from sklearn.metrics import DistanceMetric
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from model.errors import BundleCorrupt
from model.packing.signature_reader import read_signature
from model.sklearn_runtime import skops_io
from model.sklearn_runtime.array_audit import audit_arrays
from model.sklearn_runtime.engine import SklearnEngine
from tests.unit.test_skops_states import crafted, found

ROWS, LABELS = load_iris(return_X_y=True)
CODED = ROWS.round()
NAMED = pd.DataFrame({"size": ROWS[:, 0], "kind": pd.Categorical(np.array(["a", "b", "c"])[LABELS])})
TEXTS = ["good phone", "bad battery", "great screen", "awful thing"] * 10


def neighbours(place, value, **options):
    """Return neighbours in whose tree's state one thing is another."""

    def craft():
        estimator = KNeighborsClassifier(algorithm="ball_tree", **options).fit(ROWS, LABELS)
        audit_arrays(estimator)
        state = list(estimator._tree.__getstate__())
        state[place] = value(state[place]) if callable(value) else value
        estimator._tree.__setstate__(tuple(state))
        return estimator

    return craft


def with_distance_of(weights=None, matrix=None):
    def changed(distance):
        power, own_weights, own_matrix = distance.__getstate__()
        distance.__setstate__(
            (power, own_weights if weights is None else weights, own_matrix if matrix is None else matrix)
        )
        return distance

    return changed


def changed(estimator, change, rows=ROWS, labels=LABELS):
    def craft():
        fitted = estimator.fit(rows, labels)
        audit_arrays(fitted)
        change(fitted)
        return fitted

    return craft


def attribute(name, value):
    return lambda estimator: setattr(estimator, name, value(getattr(estimator, name)))


def a_compiled_distance(estimator):
    estimator.effective_metric_ = DistanceMetric.get_metric("mahalanobis", VI=np.eye(4))


def categorical_nodes(boosting):
    predictor = boosting._predictors[0][0]
    predictor.nodes["is_categorical"][0] = 1
    predictor.raw_left_cat_bitsets = np.zeros((1, 8), np.uint32)


def one_column_less(boosting):
    boosting._preprocessor._transformer_to_input_indices["numerical"] = []


def summed(boosting):
    name, _, columns = boosting._preprocessor.transformers_[1]
    boosting._preprocessor.transformers_[1] = (name, FunctionTransformer(np.sum), columns)


def mapping(encoder):
    encoder._default_to_infrequent_mappings[0][:] = 10**6


def rare(encoder):
    encoder._default_to_infrequent_mappings[0] = None


def dropped(encoder):
    encoder._drop_idx_after_grouping[0] = 10**6


def reversed_categories(encoder):
    encoder.categories_[3] = encoder.categories_[3][::-1]


GROUPED = OneHotEncoder(min_frequency=30, handle_unknown="infrequent_if_exist")
BRUTE = KNeighborsClassifier(algorithm="brute")
CRAFTED = {
    "no distance": neighbours(11, None, metric="manhattan"),
    "levels without an end": neighbours(5, 2**62),
    "levels below zero": neighbours(5, -1),
    "a distance of fewer weights": neighbours(
        11, with_distance_of(weights=np.ones(1)), metric="seuclidean", metric_params={"V": np.ones(4)}
    ),
    "a distance of fewer powers": neighbours(11, with_distance_of(weights=np.ones(2)), p=3),
    "a distance of a narrow matrix": neighbours(
        11, with_distance_of(matrix=np.ones((4, 1))), metric="mahalanobis", metric_params={"VI": np.eye(4)}
    ),
    "a distance of a matrix that is none": neighbours(
        11, with_distance_of(matrix=np.ones((1, 1))), metric="mahalanobis", metric_params={"VI": np.eye(4)}
    ),
    "no rows": changed(BRUTE, attribute("_fit_X", lambda rows: rows[:0])),
    "a compiled distance without a tree": changed(BRUTE, a_compiled_distance),
    "fewer centres' numbers": changed(KMeans(3, n_init=1), attribute("cluster_centers_", lambda found: found[:, :2])),
    "no centres": changed(KMeans(3, n_init=1), attribute("cluster_centers_", lambda found: found[:0])),
    "a half of fewer numbers": changed(
        BisectingKMeans(3), lambda found: setattr(found._bisecting_tree.left, "center", np.zeros(1))
    ),
    "categories that are not known": changed(HistGradientBoostingClassifier(max_iter=2), categorical_nodes),
    "fewer features that may have categories": changed(
        HistGradientBoostingClassifier(max_iter=2),
        lambda found: setattr(found._bin_mapper, "is_categorical_", np.zeros(1, np.uint8)),
    ),
    "categories that take a column along": changed(HistGradientBoostingClassifier(max_iter=2), one_column_less, NAMED),
    "a function in their place": changed(HistGradientBoostingClassifier(max_iter=2), summed, NAMED),
    "words beyond the last column": changed(
        CountVectorizer(), lambda found: found.vocabulary_.update(phone=10**9), TEXTS, None
    ),
    "no columns for hashes": changed(HashingVectorizer(), attribute("n_features", lambda _: 0), TEXTS, None),
    "fewer columns than codes": changed(OneHotEncoder(), attribute("_n_features_outs", lambda outs: outs[:-1]), CODED),
    "columns of one code": changed(OneHotEncoder(), attribute("_n_features_outs", lambda outs: [1] * len(outs)), CODED),
    "codes that rare ones become": changed(GROUPED, mapping, CODED),
    "rare codes that become none": changed(GROUPED, rare, CODED),
    "a code that is dropped out of range": changed(OneHotEncoder(drop="first"), dropped, CODED),
    "pools without features": changed(FeatureAgglomeration(2), attribute("labels_", lambda found: found + 2**40)),
    "categories out of order": changed(OneHotEncoder(), reversed_categories, CODED),
}


@pytest.mark.parametrize("name", CRAFTED)
def test_what_would_crash_or_read_anything_is_refused(name):
    """Each estimator passes the audit as it was fitted, and is refused after the change."""
    crafted = CRAFTED[name]()

    with pytest.raises(BundleCorrupt, match=r"out of range|malformed"):
        audit_arrays(crafted)


def test_a_random_state_out_of_range_is_refused():
    """The position of the Mersenne Twister in a file must be within its state; numpy 2.5 refuses others itself."""
    topics = LatentDirichletAllocation(2, max_iter=1, random_state=np.random.RandomState(0)).fit(ROWS)
    content = skops_io.skops.io.dumps(topics)
    audit_arrays(skops_io.load_skops(content))

    def change(schema):
        state = found(schema, "RandomState")["content"]["content"]["state"]
        state["content"]["pos"] |= {"content": str(10**6), "__id__": 0}

    with pytest.raises(BundleCorrupt, match=r"out of range|cannot be read \(ValueError: state position"):
        audit_arrays(skops_io.load_skops(crafted(content, change)))


class RandomState:
    """One of the operator's own, which has nothing of numpy's."""


def test_a_class_of_the_operators_own_may_have_any_name():
    """A class of own code is not taken for a compiled one of the same name."""
    estimator = KNeighborsClassifier().fit(ROWS, LABELS)
    estimator.extra = RandomState()

    audit_arrays(estimator)


def test_clustering_uses_one_thread_however_many_it_was_fitted_with():
    """Clustering predicts with one thread, whatever number the file contains."""
    estimator = make_pipeline(KMeans(3, n_init=1, random_state=0)).fit(ROWS)
    signature, expected = read_signature(estimator, None), estimator.predict(ROWS)
    estimator[0]._n_threads = 10**6

    assert expected.tolist() == SklearnEngine(estimator, signature).predict(ROWS).labels.tolist()
