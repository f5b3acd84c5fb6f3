"""LightGBM's text of a model is read as data: whatever LightGBM does not write is refused."""

import random
import time

import numpy as np
import pytest

from model.errors import UnsupportedEstimator
from model.onnx_export.boosting.lightgbm_text import read_lightgbm
from tests.conftest import ROOT

# Of LightGBM 4.7: three trees over two numbers, `category` columns without and with an order, and missing values.
TEXT = (ROOT / "tests" / "documents" / "lightgbm.txt").read_text()
# What LightGBM predicts for these rows, with the categories as their indices.
ROWS = [[0.5, 2, 0, 0.1], [-2.0, 0, 2, np.nan], [np.nan, np.nan, 1, 3]]
PREDICTED = [1.5274656372063724, 0.476642312527575, 0.9099229340661354]


def leaf_of(tree, row):
    node = 0
    while node >= 0:
        value = row[tree.feature[node]]
        if tree.categorical[node]:
            left = value in tree.members[int(tree.threshold[node])]
        elif np.isnan(value) and tree.missing[node] == 2:
            left = tree.default_left[node]
        else:
            left = np.nan_to_num(value) <= tree.threshold[node]
        node = tree.left[node] if left else tree.right[node]
    return tree.values[-1 - node]


def changed(before, after):
    assert before in TEXT
    return TEXT.replace(before, after, 1)


def test_the_trees_of_a_text_predict_what_lightgbm_predicts():
    """To the last bit: thresholds and leaves are written with all of their digits."""
    model = read_lightgbm(TEXT)

    assert PREDICTED == [sum(leaf_of(tree, row) for tree in model.trees) for row in ROWS]


def test_a_text_says_what_its_columns_are():
    """Their names, which of them are categories without an order, and all categories."""
    model = read_lightgbm(TEXT)

    assert ("net_price", "colour", "grade", "area") == model.names
    assert {1} == model.categorical
    assert (("blue", "green", "red"), ("low", "mid", "high")) == model.pandas_categories
    assert ("regression", {}, 1, False) == (model.objective, model.options, model.outputs, model.averaged)


def test_a_tree_may_be_a_single_leaf():
    """LightGBM leaves the lists of inner nodes empty then."""
    head, rest = TEXT.split("\nTree=0\n")
    end = rest[rest.index("end of trees") :]
    alone = f"{head}\nTree=0\nnum_leaves=1\nnum_cat=0\nsplit_feature=\nleaf_value=1.5\nis_linear=0\n\n\n{end}"

    (tree,) = read_lightgbm(alone).trees

    assert ([1.5], 0) == (tree.values.tolist(), len(tree.feature))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tree\n",
        "{}",
        TEXT.partition("end of trees")[0],
        changed("version=v4", "version=v2"),
        changed("max_feature_idx=3", "max_feature_idx=1000000000"),
        changed("num_tree_per_iteration=1", "num_tree_per_iteration=2"),
        changed("num_tree_per_iteration=1", "num_tree_per_iteration=0"),
        changed("num_leaves=5", "num_leaves=1000000000"),
        changed("num_leaves=5", "num_leaves=4"),
        changed("num_leaves=5", "num_leaves=" + "9" * 5000),
        changed("num_cat=1", "num_cat=1000000000"),
        changed("cat_boundaries=0 1", "cat_boundaries=0 1000000000"),
        changed("cat_boundaries=0 1", "cat_boundaries=0 -1"),
        changed("cat_threshold=4", "cat_threshold=-4"),
        changed("cat_threshold=4", "cat_threshold=4294967296"),
        changed("split_feature=1 0 0 0", "split_feature=1 0 0 4"),
        changed("split_feature=1 0 0 0", "split_feature=1 0 0 -1"),
        changed("split_feature=1 0 0 0", "split_feature=1 0 0"),
        changed("split_feature=1 0 0 0", "split_feature=1 0 0 99999999999999999999"),
        changed("threshold=0 -0.009372210672671636", "threshold=0 nan"),
        changed("threshold=0 ", "threshold=7 "),
        changed("leaf_value=1.005648492919281", "leaf_value=inf"),
        changed("leaf_value=1.005648492919281", "leaf_value=one"),
        changed("decision_type=1 2 2 2", "decision_type=1 2 2 14"),
        changed("decision_type=1 2 2 2", "decision_type=1 2 2 -2"),
        changed("decision_type=1 2 2 2", "decision_type=1 1 2 2"),
        changed("left_child=2 -2 -1 -3", "left_child=0 -2 -1 -3"),
        changed("left_child=2 -2 -1 -3", "left_child=9 -2 -1 -3"),
        changed("left_child=2 -2 -1 -3", "left_child=2 -2 -1 -9"),
        changed("left_child=2 -2 -1 -3", "left_child=2 -2 -2 -3"),
        changed("left_child=2 -2 -1 -3\nright_child=1 3 -4 -5", "left_child=-1 3 1 -3\nright_child=-2 2 -4 -5"),
        changed("num_cat=1", "num_cat=1\nnum_cat=1"),
        changed('[["blue"', '[[["blue"]'),
        changed("pandas_categorical:[", "pandas_categorical:" + "[" * 100_000),
        changed("pandas_categorical:[[", "pandas_categorical:{[["),
    ],
)
def test_a_text_that_lies_is_refused(text):
    """A wrong count, a child or feature that is not there, a cycle, a threshold that is no number: one clear error."""
    with pytest.raises(UnsupportedEstimator, match="as LightGBM writes it"):
        read_lightgbm(text)


def test_a_text_with_any_byte_changed_is_read_or_refused_at_once():
    """Whatever is changed, nothing but UnsupportedEstimator is raised, and no number in the text costs time."""
    draw, started = random.Random(0), time.monotonic()
    for _ in range(500):
        place = draw.randrange(len(TEXT))
        try:
            read_lightgbm(TEXT[:place] + draw.choice("0129- =\n\x00a") + TEXT[place + draw.randrange(3) :])
        except UnsupportedEstimator:
            continue

    assert time.monotonic() - started < 30
