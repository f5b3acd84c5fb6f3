"""Reads XGBoost's documents (doc: model_schema): its JSON and its UBJSON have the same members."""

import json
import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, Final, Literal

import numpy as np

from model.errors import UnsupportedEstimator
from model.onnx_export.boosting.ensemble import BoostedTrees, check_trees
from model.onnx_export.boosting.ubjson import read_ubjson
from model.onnx_export.graph import NotCompiled
from model.onnx_export.trees import Tree
from model.signature import Label

# The function that each objective applies to the margin.
Link = Literal["identity", "exp", "sigmoid", "softmax", "hinge"]
_IDENTITY = (
    "binary:logitraw rank:map rank:ndcg rank:pairwise reg:absoluteerror reg:expectileerror reg:linear "
    "reg:pseudohubererror reg:quantileerror reg:squarederror reg:squaredlogerror"
)
_EXP = "count:poisson reg:gamma reg:tweedie survival:aft survival:cox"
LINKS: Final[Mapping[str, Link]] = {
    **dict.fromkeys(_IDENTITY.split(), "identity"),
    **dict.fromkeys(_EXP.split(), "exp"),
    "binary:logistic": "sigmoid",
    "reg:logistic": "sigmoid",
    "binary:hinge": "hinge",
    "multi:softmax": "softmax",
    "multi:softprob": "softmax",
}
_CATEGORICAL: Final = "c"


def read_document(content: bytes) -> dict[str, Any]:
    """Return the document of a file, UBJSON or JSON; raises ValueError if it is not one of XGBoost's."""
    try:
        found: dict[str, Any] = json.loads(content) if is_json(content) else read_ubjson(content)
        if not isinstance(found["learner"]["gradient_booster"], dict):
            raise TypeError
    except (KeyError, TypeError, RecursionError, UnicodeDecodeError) as error:
        raise ValueError(f"it is no document of XGBoost ({type(error).__name__})") from None
    return found


def is_json(content: bytes) -> bool:
    """Return whether a file is JSON; in UBJSON, the second byte begins the length of the first name."""
    return content[1:2] in (b'"', b"\n", b"\r", b" ", b"\t")


def boosted_trees(document: Mapping[str, Any], *, missing: float = math.nan) -> BoostedTrees:
    """Return the trees that a model predicts with; raises NotCompiled, and ValueError if the document is no model.

    `missing` is the estimator's parameter. A model that stopped early predicts with its best iteration.
    """
    try:
        return _boosted(document["learner"], missing)
    except (KeyError, TypeError, IndexError, OverflowError) as error:
        raise ValueError(f"it is no document of XGBoost ({type(error).__name__}: {error})") from None


def _boosted(learner: Mapping[str, Any], missing: float) -> BoostedTrees:
    objective, booster = str(learner["objective"]["name"]), learner["gradient_booster"]
    if booster["name"] not in ("gbtree", "dart"):
        raise NotCompiled(f"XGBoost's booster {booster['name']} has no compiled form")
    if objective not in LINKS:
        raise NotCompiled(f"XGBoost's objective {objective} has no compiled form")
    given = learner["learner_model_param"]
    columns, sums = int(given["num_feature"]), max(1, int(given["num_class"]), int(given.get("num_target", 1)))
    model = booster["gbtree"]["model"] if booster["name"] == "dart" else booster["model"]
    start = _margins(given["base_score"], LINKS[objective], sums)
    trees, leaves, targets = _trees(model, kept_trees(learner, model, sums), sums)
    check_trees(trees, columns)
    if booster["name"] == "dart":
        leaves = _weighted(leaves, targets, booster["weight_drop"], start)
    return BoostedTrees(
        trees=trees,
        leaves=leaves,
        targets=targets,
        start=start,
        width=columns,
        comparison="<",
        narrow=True,
        single=True,
        categories=document_categories(learner),
        whole=tuple(index for index, kind in enumerate(learner.get("feature_types", ())) if kind == _CATEGORICAL),
        missing=None if math.isnan(missing) else missing,
        names=tuple(map(str, learner.get("feature_names", ()))) or None,
        objective=objective,
    )


def kept_trees(learner: Mapping[str, Any], model: Mapping[str, Any], sums: int) -> int:
    """Return how many trees predict: those up to the best iteration, if fitting stopped early."""
    best, count = learner.get("attributes", {}).get("best_iteration"), len(model["trees"])
    if best is None:
        return count
    if "iteration_indptr" in model:
        return int(model["iteration_indptr"][int(best) + 1])
    return (int(best) + 1) * int(model["gbtree_model_param"]["num_parallel_tree"]) * sums


def _margins(stated: Any, link: Link, sums: int) -> Any:
    """Return the base score of each sum as a margin; the document has it after the link."""
    scores = json.loads(stated) if isinstance(stated, str) else stated
    answers = np.resize(np.atleast_1d(np.asarray(scores, dtype=np.float32)), sums)
    one = np.float32(1)
    if link == "sigmoid":
        return np.array([-np.float32(math.log(one / each - one)) for each in answers], dtype=np.float32)
    if link == "exp":
        return np.array([np.float32(math.log(each)) for each in answers], dtype=np.float32)
    return answers


def _weighted(
    leaves: tuple[Any, ...], targets: tuple[int, ...], weights: Sequence[float], start: Any
) -> tuple[Any, ...]:
    """Return the leaves of dart times the weights of their trees.

    When it predicts arrays, as the estimators do, XGBoost adds each tree to the base score and subtracts that again;
    both round. For a DMatrix it does not.
    """
    if len(leaves) != len(targets) or len(weights) < len(leaves):
        raise NotCompiled("dart with several values in a leaf has no compiled form")
    shares = np.asarray(weights, dtype=np.float32)
    return tuple(
        (start[target] + values - start[target]) * shares[index]
        for index, (values, target) in enumerate(zip(leaves, targets, strict=True))
    )


def _trees(
    model: Mapping[str, Any], count: int, sums: int
) -> tuple[tuple[Tree, ...], tuple[Any, ...], tuple[int, ...]]:
    """Return the trees, the values of their nodes, and the index of the sum that each tree adds to.

    A tree whose leaves have a value for each sum is repeated for each sum.
    """
    trees: list[Tree] = []
    leaves: list[Any] = []
    targets: list[int] = []
    for index, document in enumerate(model["trees"][:count]):
        tree, width = _tree(document), int(document["tree_param"]["size_leaf_vector"])
        if width > 1:
            vectors = np.asarray(document["leaf_weights"], dtype=np.float32).reshape(-1, width)
            own = np.where(tree.leaves, np.asarray(document["right_children"]), 0)
            for target in range(sums):
                trees.append(tree)
                leaves.append(vectors[own, target])
                targets.append(target)
        else:
            trees.append(tree)
            leaves.append(np.asarray(document["split_conditions"], dtype=np.float32))
            targets.append(int(model["tree_info"][index]))
    return tuple(trees), tuple(leaves), tuple(targets)


def _tree(document: Mapping[str, Any]) -> Tree:
    """Convert a tree; XGBoost sends members of a set right, so the sides of such splits are exchanged."""
    left, right = (np.array(document[f"{side}_children"], dtype=np.int64) for side in ("left", "right"))
    missing_left = np.array(document["default_left"], dtype=np.int64)
    members = _members(document)
    exchanged = np.isin(np.arange(len(left)), list(members)) & (left >= 0)
    return Tree(
        np.array(document["split_indices"], dtype=np.int64),
        np.array(document["split_conditions"], dtype=np.float32),
        np.where(exchanged, right, left),
        np.where(exchanged, left, right),
        np.where(exchanged, 1 - missing_left, missing_left),
        members,
    )


def _members(document: Mapping[str, Any]) -> dict[int, Sequence[float]]:
    """Return the set of each split over categories, by its node."""
    nodes = document.get("categories_nodes", ())
    kinds = document.get("split_type", ())
    if int(np.count_nonzero(np.asarray(kinds))) != len(nodes):
        raise ValueError("a split over categories has no set")
    found = np.asarray(document.get("categories", ()), dtype=np.int64)
    segments = zip(nodes, document.get("categories_segments", ()), document.get("categories_sizes", ()), strict=True)
    members = {int(node): found[int(start) : int(start) + int(size)].tolist() for node, start, size in segments}
    if [len(each) for each in members.values()] != [int(size) for size in document.get("categories_sizes", ())]:
        raise ValueError("a set of categories is not where it should be")
    return members


def document_categories(learner: Mapping[str, Any]) -> dict[int, tuple[Label, ...]]:
    """Return the categories of each column of categories, by its index: strings or whole numbers.

    Raises UnsupportedEstimator if they are damaged.
    """
    booster = learner["gradient_booster"]
    model = booster.get("gbtree", booster).get("model", {})
    encoded = enumerate(model.get("cats", {}).get("enc", ()))
    return {index: found for index, each in encoded if (found := _decoded(each))}


def _decoded(encoded: Mapping[str, Any]) -> tuple[Label, ...]:
    values = np.asarray(encoded["values"], dtype=np.int64)
    if "offsets" not in encoded:
        return tuple(values.tolist())
    content, ends = (values & 0xFF).astype(np.uint8).tobytes(), np.asarray(encoded["offsets"]).tolist()
    if not content.isascii():  # XGBoost 3.2 counts characters, but stores bytes: later categories are shifted
        raise UnsupportedEstimator(
            "XGBoost stores categories with other letters than ASCII damaged, and mistakes them in frames whose "
            "categories have another order; name the categories in ASCII, or by whole numbers, and fit again."
        )
    if ends != sorted(ends) or [*ends[:1], *ends[-1:]] != ([0, len(content)] if ends or content else []):
        raise ValueError("its categories do not follow each other")
    return tuple(content[start:end].decode() for start, end in pairwise(ends))
