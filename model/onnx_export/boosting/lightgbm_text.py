"""Reads LightGBM's text of a model, as `Booster.save_model` and `model_to_string` write it.

The text may come from anyone. Sizes that it states never decide how much memory is allocated: they are compared with
the data, and a text that LightGBM would not write is refused.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.errors import UnsupportedEstimator, describe

_VERSIONS: Final = ("v3", "v4")  # of LightGBM 2.3 and later
_TREE: Final = re.compile(r"^Tree=\d+$", re.MULTILINE)
_PARAMETER: Final = re.compile(r"^\[(\w+): (.*)\]$", re.MULTILINE)
_CODES: Final = re.compile(r"\[0:(\d{1,9})\]")
_CATEGORIES: Final = "pandas_categorical:"
_MISSING: Final = 3  # the number of ways to treat missing values
# Bits of a decision: whether it is over categories, whether a missing value goes left, and what counts as missing.
_CATEGORICAL, _DEFAULT_LEFT, _MISSING_SHIFT = 1, 2, 2


@dataclass(frozen=True)
class LightGBMTree:
    """A tree: arrays of shape (inner nodes,), and the numbers of its leaves; children below 0 are leaves `-1 - child`.

    `missing` says which values count as missing at a node: 0 none (NaN is compared as 0), 1 NaN and 0, or 2 NaN. Those
    go left where `default_left` is set. At a `categorical` node, the categories of `members[threshold]` go left.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    categorical: NDArray[np.bool_]
    default_left: NDArray[np.bool_]
    missing: NDArray[np.int64]
    members: tuple[NDArray[np.int64], ...]
    values: NDArray[np.float64]
    linear: bool


@dataclass(frozen=True)
class LightGBMModel:
    """The content of a text: trees, one for each output in each iteration, and what is computed from their sum.

    `names` are the columns' names, with underscores for spaces. `objective` is "" for a function of the caller, and
    `options` are its parameters. The sum of `averaged` trees is divided by their number. `categorical` are the
    columns that were fitted as categories. `highest` has the largest number of other columns, where that is whole and
    the smallest is 0. `pandas_categories` are the categories of each `category` column of the data frame, in its order;
    the text does not say which columns those are.
    """

    trees: tuple[LightGBMTree, ...]
    names: tuple[str, ...]
    outputs: int
    objective: str
    options: Mapping[str, str]
    averaged: bool
    categorical: frozenset[int]
    highest: Mapping[int, int]
    pandas_categories: tuple[tuple[Any, ...], ...]


def read_lightgbm(text: str) -> LightGBMModel:
    """Return the model of a text; raises UnsupportedEstimator if LightGBM does not write such a text."""
    try:
        return _model(text.replace("\r\n", "\n"))
    except (ValueError, KeyError, IndexError, OverflowError, RecursionError) as error:
        raise UnsupportedEstimator(
            f"this is not a model as LightGBM writes it ({describe(error)}); save it again with Booster.save_model."
        ) from error


def _model(text: str) -> LightGBMModel:
    body, end, rest = text.partition("\nend of trees\n")
    if not end or not text.startswith("tree\n"):
        raise ValueError("it does not begin with 'tree', or has no 'end of trees'")
    head, *sections = _TREE.split(body)
    header = _entries(head)
    if header["version"] not in _VERSIONS:
        raise ValueError(f"its version is {header['version'][:20]}; expected {' or '.join(_VERSIONS)}")
    names, outputs = tuple(header["feature_names"].split(" ")), int(header["num_tree_per_iteration"])
    if len(names) != int(header["max_feature_idx"]) + 1:
        raise ValueError("the number of names is not the number of features")
    if outputs < 1 or len(sections) % outputs or not sections:
        raise ValueError(f"{len(sections)} trees for {outputs} outputs")
    objective, *options = header.get("objective", "").split() or [""]
    infos, parameters = header["feature_infos"].split(" "), dict(_PARAMETER.findall(rest))
    ranges = enumerate(map(_CODES.fullmatch, infos))
    return LightGBMModel(
        trees=tuple(_tree(_entries(section), len(names)) for section in sections),
        names=names,
        outputs=outputs,
        objective=objective,
        options=dict(each.partition(":")[::2] for each in options),
        averaged="average_output" in header,
        categorical=_categorical(infos, parameters.get("categorical_feature", "")),
        highest={index: int(found[1]) for index, found in ranges if found},
        pandas_categories=_pandas_categories(rest),
    )


def _entries(section: str) -> dict[str, str]:
    """Return the lines `name=value`, or `name`, of a section."""
    lines = [line.partition("=") for line in section.split("\n") if line]
    entries = {name: value for name, _, value in lines}
    if len(entries) != len(lines):
        raise ValueError("a line is there twice")
    return entries


def _categorical(infos: list[str], parameter: str) -> frozenset[int]:
    """Return the columns that were fitted as categories; the info "none" means a column with a single value."""
    listed = {int(each) for each in parameter.split(",") if each.isdecimal()}
    found = {index for index, info in enumerate(infos) if info != "none" and not info.startswith("[")}
    return frozenset(found | listed & {index for index, info in enumerate(infos) if info == "none"})


def _pandas_categories(rest: str) -> tuple[tuple[Any, ...], ...]:
    lines = [line for line in rest.split("\n") if line.startswith(_CATEGORIES)]
    found = json.loads(lines[-1].removeprefix(_CATEGORIES)) if lines else None
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, list) for each in found):
        raise ValueError("its pandas_categorical are not lists")
    if not all(isinstance(value, (str, int, float)) for each in found for value in each):
        raise ValueError("its pandas_categorical are not strings, numbers or booleans")
    return tuple(map(tuple, found))


def _tree(entries: Mapping[str, str], width: int) -> LightGBMTree:
    values = _numbers(entries["leaf_value"], np.float64)
    inner = len(values) - 1
    if int(entries["num_leaves"]) != len(values) or not np.isfinite(values).all():
        raise ValueError("a tree's leaves are not as many finite numbers as it states")
    given = entries if inner else {}  # a tree with a single leaf may leave out the rest
    decision = _nodes(given, "decision_type", np.int64, inner)
    tree = LightGBMTree(
        feature=_nodes(given, "split_feature", np.int64, inner),
        threshold=_nodes(given, "threshold", np.float64, inner),
        left=_nodes(given, "left_child", np.int64, inner),
        right=_nodes(given, "right_child", np.int64, inner),
        categorical=(decision & _CATEGORICAL).astype(bool),
        default_left=(decision & _DEFAULT_LEFT).astype(bool),
        missing=decision >> _MISSING_SHIFT,
        members=_members(given),
        values=values,
        linear=entries.get("is_linear", "0") != "0",
    )
    if not (
        ((tree.feature >= 0) & (tree.feature < width)).all() and ((decision >= 0) & (tree.missing < _MISSING)).all()
    ):
        raise ValueError("a tree splits a feature, or in a way, that there is not")
    _check_children(tree, inner)
    _check_members(tree)
    return tree


def _numbers(words: str, dtype: Any) -> NDArray[Any]:
    return np.array(words.split(), dtype=dtype)


def _nodes(entries: Mapping[str, str], name: str, dtype: Any, count: int) -> NDArray[Any]:
    found = _numbers(entries[name] if count else "", dtype)
    if len(found) != count or np.isnan(found).any():  # infinity is allowed: it separates missing values from all others
        raise ValueError(f"a tree has not one {name} for each of its {count} inner nodes")
    return found


def _check_children(tree: LightGBMTree, inner: int) -> None:
    """Raise ValueError unless each node but the root, and each leaf, has one parent, which comes before it."""
    children = np.sort(np.concatenate([tree.left, tree.right]))
    expected = np.delete(np.arange(-inner - 1, inner), inner + 1) if inner else np.arange(0)
    if not np.array_equal(children, expected):
        raise ValueError("a tree's children are not each of its nodes and leaves once")
    index = np.arange(inner)
    if any(((side >= 0) & (side <= index)).any() for side in (tree.left, tree.right)):
        raise ValueError("a tree has a node before its parent")


def _members(entries: Mapping[str, str]) -> tuple[NDArray[np.int64], ...]:
    """Return the sets of categories, which the text stores as bits of 32-bit words."""
    count = int(entries.get("num_cat", "0"))
    if count == 0:
        return ()
    ends, words = _numbers(entries["cat_boundaries"], np.int64), _numbers(entries["cat_threshold"], np.uint32)
    if len(ends) != count + 1 or ends[0] != 0 or ends[-1] != len(words) or (np.diff(ends) < 0).any():
        raise ValueError("a tree's sets of categories do not follow each other")
    bits = np.unpackbits(words.astype("<u4").view(np.uint8), bitorder="little").astype(bool)
    return tuple(np.flatnonzero(bits[start * 32 : end * 32]) for start, end in pairwise(ends))


def _check_members(tree: LightGBMTree) -> None:
    """Raise ValueError unless each categorical node has its own set."""
    own = np.sort(tree.threshold[tree.categorical])
    if not np.array_equal(own, np.arange(len(tree.members))):
        raise ValueError("a tree's nodes over categories do not have one set each")
