"""CatBoost's JSON of a model is read as data: whatever CatBoost does not write is refused."""

import copy
import json
import random
import time

import numpy as np
import pytest

from model.errors import UnsupportedEstimator
from model.onnx_export.boosting.catboost_models import read_catboost
from tests.conftest import ROOT

# Of CatBoost 1.2.10, without most of `model_info`: three classes by two numbers, in two trees of two levels each.
FOLDER = ROOT / "tests" / "documents"
OBLIVIOUS, NESTED = ((FOLDER / name).read_text() for name in ("catboost.json", "catboost-lossguide.json"))
# What CatBoost predicts for these rows, before the softmax.
ROWS = np.array([[0.5, 0.1], [-2.0, np.nan], [np.nan, 3.0]], dtype=np.float32)
PREDICTED = {
    OBLIVIOUS: [
        [-0.803933286225776, -0.11773096814296882, 0.9216642543687372],
        [0.1477902680950021, -0.12913090422245307, -0.018659363872547227],
        [0.39104521930664654, -0.19465178015200235, -0.1963934391546427],
    ],
    NESTED: [
        [-0.7579638476070409, 0.32154180614951905, 0.43642204145752594],
        [0.531418263093268, -0.24333571355270955, -0.28808254954055607],
        [0.4584235305412152, -0.2538213367806881, -0.20460219376052485],
    ],
}
SPLITS = ("oblivious_trees", 0, "splits", 0)


def leaf_of(tree, row):
    node = 0
    while not tree.leaves[node]:
        value = row[tree.feature[node]]
        left = tree.missing_left[node] if np.isnan(value) else value <= tree.threshold[node]
        node = tree.left[node] if left else tree.right[node]
    return node


def changed(document, *path, value):
    """Return the document with another value at a path, or without it for None."""
    changed = copy.deepcopy(json.loads(document))
    owner = changed
    for each in path[:-1]:
        owner = owner[each]
    if value is None:
        del owner[path[-1]]
    else:
        owner[path[-1]] = value
    return json.dumps(changed)


@pytest.mark.parametrize("document", PREDICTED, ids=["oblivious", "nested"])
def test_the_trees_of_a_document_predict_what_catboost_predicts(document):
    """To the last bit, by oblivious trees and by others."""
    model = read_catboost(document)

    parts = list(zip(model.trees.targets, model.trees.trees, model.trees.leaves, strict=True))
    found = [
        [sum(leaves[leaf_of(tree, row)] for target, tree, leaves in parts if target == output) for output in range(3)]
        for row in ROWS
    ]

    assert PREDICTED[document] == found


def test_a_document_says_what_its_columns_and_labels_are():
    """Their names, the labels and the loss, from which the answer is computed."""
    model = read_catboost(OBLIVIOUS)

    assert (("net price", "area"), ("a", "b", "c"), "MultiClass") == (model.trees.names, model.labels, model.loss)
    assert (1.0, [0, 0, 0]) == (model.trees.scale, model.trees.bias.tolist())
    assert (None, ()) == (model.threshold, model.others)


def test_a_missing_value_is_above_all_borders_where_the_document_says_so():
    """CatBoost's `nan_mode` is kept for each feature."""
    path = ("features_info", "float_features", 1, "nan_value_treatment")

    model = read_catboost(changed(OBLIVIOUS, *path, value="AsTrue"))

    columns = np.concatenate([tree.feature[~tree.leaves] for tree in model.trees.trees])
    below = np.concatenate([tree.missing_left[~tree.leaves] for tree in model.trees.trees])
    assert {0, 1} == set(columns.tolist())
    assert (columns == 0).tolist() == below.tolist()


def test_a_model_with_categories_of_its_own_says_so():
    """Its trees are not read: their splits are over statistics of categories."""
    found = read_catboost(changed(OBLIVIOUS, "features_info", "categorical_features", value=[{"feature_index": 0}]))

    assert (("categorical",), ()) == (found.others, found.trees.trees)


def test_a_tree_may_be_a_single_leaf():
    """It has no splits then."""
    path = ("oblivious_trees", 0)

    model = read_catboost(changed(OBLIVIOUS, *path, value={"leaf_values": [1, 2, 3], "splits": None}))

    assert [[1], [2], [3]] == [leaves.tolist() for leaves in model.trees.leaves[:3]]
    assert [True] == model.trees.trees[0].leaves.tolist()


@pytest.mark.parametrize(
    "document",
    [
        "",
        "[]",
        "null",
        "[" * 100_000,
        '{"features_info": ' * 100_000,
        changed(OBLIVIOUS, "features_info", value=None),
        changed(OBLIVIOUS, "features_info", "float_features", value=[]),
        changed(OBLIVIOUS, "features_info", "float_features", 0, "flat_feature_index", value=10**9),
        changed(OBLIVIOUS, "features_info", "float_features", 0, "flat_feature_index", value=1),
        changed(OBLIVIOUS, "features_info", "float_features", 0, "nan_value_treatment", value="Other"),
        changed(OBLIVIOUS, "scale_and_bias", value=[1]),
        changed(OBLIVIOUS, "scale_and_bias", value=[1, [0, 0]]),
        changed(OBLIVIOUS, "scale_and_bias", value=[1, []]),
        changed(OBLIVIOUS, "scale_and_bias", value=[float("inf"), [0, 0, 0]]),
        changed(OBLIVIOUS, "oblivious_trees", value=None),
        changed(OBLIVIOUS, "oblivious_trees", 0, "leaf_values", value=[0] * 11),
        changed(OBLIVIOUS, "oblivious_trees", 0, "leaf_values", 0, value=float("nan")),
        changed(OBLIVIOUS, "oblivious_trees", 0, "leaf_values", 0, value="one"),
        changed(
            OBLIVIOUS, "oblivious_trees", 0, "splits", value=json.loads(OBLIVIOUS)["oblivious_trees"][0]["splits"] * 500
        ),
        changed(OBLIVIOUS, *SPLITS, "float_feature_index", value=2),
        changed(OBLIVIOUS, *SPLITS, "float_feature_index", value=-1),
        changed(OBLIVIOUS, *SPLITS, "float_feature_index", value=0.5),
        changed(OBLIVIOUS, *SPLITS, "split_type", value="OnlineCtr"),
        changed(OBLIVIOUS, *SPLITS, "border", value=float("nan")),
        changed(OBLIVIOUS, *SPLITS, "border", value=1e300),
        changed(NESTED, "trees", value=[]),
        changed(NESTED, "trees", 0, value={}),
        changed(NESTED, "trees", 0, "left", value=None),
        changed(NESTED, "trees", 0, "left", value={"value": 1}),
        changed(NESTED, "trees", 0, "left", value={"value": [1, 2, [3]]}),
        changed(NESTED, "trees", 0, "split", "float_feature_index", value=10**9),
    ],
)
def test_a_document_that_lies_is_refused(document):
    """A wrong count, a feature that is not there, a border that is no number, deep nesting: one clear error."""
    with pytest.raises(UnsupportedEstimator, match="as CatBoost writes it"):
        read_catboost(document)


@pytest.mark.parametrize("document", PREDICTED, ids=["oblivious", "nested"])
def test_a_document_with_any_byte_changed_is_read_or_refused_at_once(document):
    """Whatever is changed, nothing but UnsupportedEstimator is raised, and no number in the document costs time."""
    draw, started = random.Random(0), time.monotonic()
    for _ in range(500):
        place = draw.randrange(len(document))
        try:
            read_catboost(document[:place] + draw.choice('0129-e,[]{}" a') + document[place + draw.randrange(3) :])
        except UnsupportedEstimator:
            continue

    assert time.monotonic() - started < 30
