"""Boosted trees of other libraries as a graph, compared with a walk through their nodes."""

import numpy as np
import pytest

from model.bundle.manifest import FINGERPRINT, fingerprint
from model.engines.onnx import OnnxEngine
from model.engines.onnx_audit import trees_end
from model.onnx_export.boosting.ensemble import BoostedTrees, raw_scores
from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput
from model.onnx_export.trees import Tree
from model.signature import Feature, Signature

WIDTH, NODES = 3, 15
WORDS = ("red", "green", "blue", "grey", "black")


def random_tree(draw):
    """Return a full binary tree of four levels: columns 0 and 1 are numbers, column 2 is one of WORDS."""
    inner = np.arange(NODES) < NODES // 2
    feature = draw.integers(0, WIDTH, NODES)
    members = {
        int(node): sorted(draw.choice(len(WORDS), draw.integers(1, 4), replace=False).tolist())
        for node in np.flatnonzero(inner & (feature == 2))
    }
    left = np.where(inner, 2 * np.arange(NODES) + 1, -1)
    threshold = draw.normal(size=NODES).astype(np.float32)
    return Tree(feature, threshold, left, left + 1, draw.integers(0, 2, NODES), members)


def walked(model, row):
    """Return the sums that a row reaches, added in the order of the trees."""
    totals = [model.dtype(start) for start in model.start]
    for tree, leaves, target in zip(model.trees, model.leaves, model.targets, strict=True):
        node = 0
        while tree.left[node] >= 0:
            value, limit = row[tree.feature[node]], tree.threshold[node]
            if value is None:
                left = tree.missing_left[node]
            elif node in tree.members:
                left = value in [WORDS[place] for place in tree.members[node]]
            else:
                number = np.float32(value) if model.narrow else value
                left = number < limit if model.comparison == "<" else number <= limit
            node = tree.left[node] if left else tree.right[node]
        totals[target] = totals[target] + model.dtype(leaves[node])
    return totals


def boosted(comparison, *, narrow, single):
    draw = np.random.default_rng(0)
    trees = tuple(random_tree(draw) for _ in range(12))
    leaves = tuple(draw.normal(size=NODES) for _ in trees)
    return BoostedTrees(
        trees=trees,
        leaves=leaves,
        targets=(0, 1) * 6,
        start=np.array([0.1, 0.7]),
        width=WIDTH,
        comparison=comparison,
        narrow=narrow,
        single=single,
        categories={2: WORDS},
    )


def answers(model, rows):
    graph, codes = Graph({}, {}), (None, None, {})
    total = graph.cast(raw_scores(graph, model, ColumnTensor("rows", codes)), "double")
    features = (Feature("a"), Feature("b"), Feature("c", dtype="string"))
    signature = Signature(features, "table", "regressor", 2, None, probabilities=False)
    named = {"c": codes[2]}
    content = graph.build(PredictorOutput(total), WIDTH, 2, {FINGERPRINT: fingerprint(signature, named)}, {})
    return OnnxEngine(content, named, signature).predict(rows).labels


@pytest.mark.parametrize("comparison", ["<", "<="])
@pytest.mark.parametrize(("narrow", "single"), [(True, True), (True, False), (False, False)])
def test_a_graph_of_boosted_trees_is_the_walk_through_their_nodes(comparison, narrow, single):
    """Every sum is the same number, at thresholds, for missing values and for words the model does not know."""
    model = boosted(comparison, narrow=narrow, single=single)
    draw = np.random.default_rng(1)
    limits = np.concatenate([tree.threshold for tree in model.trees]).astype(float)
    rows = np.empty((500, WIDTH), dtype=object)
    rows[:, :2] = draw.choice(limits, (500, 2))
    rows[:, 2] = draw.choice([*WORDS, "other"], 500)
    rows[draw.random((500, WIDTH)) < 0.2] = None

    given = np.where(np.equal(rows, None), None, rows)
    given[:, :2] = [[np.nan if cell is None else cell for cell in row] for row in rows[:, :2]]
    assert [walked(model, row) for row in rows.tolist()] == answers(model, given).tolist()


def test_a_set_of_numbers_that_are_not_whole_is_not_compiled():
    """The runtime compares members as 32-bit integers."""
    model = boosted("<", narrow=True, single=True)
    with pytest.raises(NotCompiled, match="small whole numbers"):
        raw_scores(
            Graph({}, {}),
            BoostedTrees(**{**vars(model), "categories": {2: (0.5, 1.5, 2.5, 3.5, 4.5)}}),
            ColumnTensor("rows", (None, None, None)),
        )


@pytest.mark.parametrize(
    "members",
    [None, [], [1.0], [np.nan], [1.0, np.nan, np.nan], [1.5, np.nan], [np.inf, np.nan], [2.0**40, np.nan]],
    ids=str,
)
def test_a_set_that_the_runtime_would_read_beyond_is_refused(members):
    """As many sets as nodes that look one up, each of whole numbers, none empty, each with its end."""
    node = {
        "aggregate_function": 1,
        "n_targets": 1,
        "nodes_modes": np.array([6], np.uint8),
        "nodes_splits": np.zeros(1, np.float32),
        "leaf_weights": np.ones(2, np.float32),
        **{f"nodes_{name}": np.zeros(1, np.int64) for name in ("featureids", "missing_value_tracks_true")},
        "nodes_truenodeids": np.array([0]),
        "nodes_falsenodeids": np.array([1]),
        **{f"nodes_{side}leafs": np.ones(1, np.int64) for side in ("true", "false")},
        "leaf_targetids": np.zeros(2, np.int64),
        "tree_roots": np.zeros(1, np.int64),
    }
    good = np.array([1, 2, np.nan], np.float32)
    assert trees_end(node | {"membership_values": good})

    given = {} if members is None else {"membership_values": np.array(members, np.float32)}
    assert not trees_end(node | given)
