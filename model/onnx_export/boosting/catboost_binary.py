"""Converts CatBoost's binary file (.cbm) to the document that CatBoost's JSON file has.

The file is a FlatBuffer (catboost/libs/model/flatbuffers) behind eight bytes. It may come from anyone: no read leaves
the file, no list is longer than the rest of the file, and the document is checked like that of a JSON file.
"""

import json
import struct
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAGIC: Final = b"CBM1"
_FORMAT: Final = "FlabuffersModel_v1"
# The numbers of the tables' members in the schema.
_CORE_FORMAT, _CORE_TREES, _CORE_INFO = 0, 1, 2
_DIMENSION, _SPLITS, _SIZES, _FLOATS, _LEAVES, _STEPS, _LEAF_OF_NODE = 0, 1, 2, 5, 8, 10, 11
_SCALE, _BIAS, _BIASES = 14, 15, 16
_OTHERS: Final = {4: "categorical_features", 12: "text_features", 18: "embedding_features"}
_FLAT_INDEX, _BORDERS, _NAME, _NAN = 2, 3, 4, 5
_TREATMENTS: Final = ("AsIs", "AsFalse", "AsTrue")
_MOST_SHARED: Final = 4
_JSON: Final = ("params", "class_params")  # entries of model_info whose string is JSON


class _File:
    """The FlatBuffer, and how many bytes may still be read: a hostile file may point to some bytes many times."""

    def __init__(self, content: memoryview) -> None:
        self.content = content
        self._left = _MOST_SHARED * len(content)

    def part(self, start: int, size: int) -> memoryview:
        """Return some bytes; raises ValueError beyond the end, and after too many reads."""
        self._left -= size + 1
        if start < 0 or start + size > len(self.content) or self._left < 0:
            raise ValueError("a list is longer than the file")
        return self.content[start : start + size]


class _Table:
    """A table of the FlatBuffer; an offset that leads outside the file raises ValueError or struct.error."""

    def __init__(self, file: _File, place: int) -> None:
        self._file, self._place = file, place
        self._members = place - self._at("i", place)
        self._size = self._at("H", self._members)

    def number(self, member: int, form: str, default: Any) -> Any:
        """Return a number."""
        place = self._member(member)
        return self._at(form, place) if place else default

    def array(self, member: int, dtype: str) -> NDArray[Any]:
        """Return a list of numbers or structs."""
        start, count = self._list(member)
        return np.frombuffer(self._file.part(start, count * np.dtype(dtype).itemsize), dtype)

    def text(self, member: int) -> str:
        """Return a string, or "" if there is none."""
        return bytes(self._file.part(*self._list(member))).decode()

    def table(self, member: int) -> "_Table":
        """Return a table; raises ValueError if it is missing."""
        place = self._member(member)
        if not place:
            raise ValueError("a table is missing")
        return _Table(self._file, place + self._at("I", place))

    def tables(self, member: int) -> "list[_Table]":
        """Return a list of tables."""
        offsets = self.array(member, "<u4")
        start, _ = self._list(member)
        return [_Table(self._file, start + 4 * place + int(offset)) for place, offset in enumerate(offsets)]

    def _list(self, member: int) -> tuple[int, int]:
        """Return the position of a list's first element, and how many elements it has."""
        place = self._member(member)
        if not place:
            return 0, 0
        start = place + self._at("I", place)
        return start + 4, self._at("I", start)

    def _member(self, member: int) -> int:
        """Return the position of a member, 0 if it is absent."""
        place = 4 + 2 * member
        offset = self._at("H", self._members + place) if place + 2 <= self._size else 0
        return self._place + offset if offset else 0

    def _at(self, form: str, place: int) -> Any:
        if place < 0:
            raise ValueError("an offset is before the start")
        return struct.unpack_from(f"<{form}", self._file.content, place)[0]


def read_binary(content: bytes) -> dict[str, Any]:
    """Return the document of a binary file; raises ValueError if CatBoost does not write such a file."""
    try:
        core_size = struct.unpack_from("<I", content, len(MAGIC))[0]
        core = memoryview(content)[8 : 8 + core_size]
        if len(core) != core_size:
            raise ValueError("it is incomplete")
        root = _Table(_File(core), struct.unpack_from("<I", core, 0)[0])
        if root.text(_CORE_FORMAT) != _FORMAT:
            raise ValueError("it is of another format")
        return _document(root)
    except (struct.error, UnicodeDecodeError, IndexError, KeyError, RecursionError, OverflowError) as error:
        raise ValueError(f"it ends early or is damaged ({type(error).__name__})") from None


def _document(root: _Table) -> dict[str, Any]:
    model = root.table(_CORE_TREES)
    dimension = max(0, model.number(_DIMENSION, "i", 0))
    features = [_feature(each, place) for place, each in enumerate(model.tables(_FLOATS))]
    others: dict[str, list[Any]] = {name: [{}] for member, name in _OTHERS.items() if len(model.array(member, "<u4"))}
    info = {each.text(0): each.text(1) for each in root.tables(_CORE_INFO)}
    about = {name: json.loads(value) if name in _JSON else value for name, value in info.items()}
    biases = model.array(_BIASES, "<f8").tolist() or [model.number(_BIAS, "d", 0.0)]
    document: dict[str, Any] = {
        "features_info": {"float_features": features, **others},
        "model_info": about,
        "scale_and_bias": [model.number(_SCALE, "d", 1.0), biases],
    }
    if others:
        return {**document, "oblivious_trees": []}
    splits = [
        {"float_feature_index": place, "split_type": "FloatFeature", "border": border}
        for place, feature in enumerate(features)
        for border in feature["borders"]
    ]
    named = "trees" if len(model.array(_STEPS, "<u4")) else "oblivious_trees"
    made = _plain(model, splits, dimension) if named == "trees" else _oblivious(model, splits, dimension)
    return {**document, named: made}


def _feature(table: _Table, place: int) -> dict[str, Any]:
    return {
        "feature_index": place,
        "flat_feature_index": table.number(_FLAT_INDEX, "i", -1),
        "feature_id": table.text(_NAME),
        "nan_value_treatment": _TREATMENTS[table.number(_NAN, "B", 0)],
        "borders": table.array(_BORDERS, "<f4").astype(float).tolist(),
    }


def _chosen(model: _Table, splits: list[Any]) -> list[Any]:
    """Return the split of each level or node."""
    numbers = model.array(_SPLITS, "<i4")
    if len(numbers) and not (numbers.min() >= 0 and numbers.max() < max(1, len(splits))):
        raise ValueError("a tree has a split that is not there")
    return [splits[number] if splits else None for number in numbers.tolist()]


def _sizes(model: _Table, count: int) -> list[int]:
    found: list[int] = model.array(_SIZES, "<i4").tolist()
    if min(found, default=0) < 0 or sum(found) != count:
        raise ValueError("its trees are not as long as they say")
    return found


def _oblivious(model: _Table, splits: list[Any], dimension: int) -> list[Any]:
    """Return the trees with one split for each level."""
    chosen, leaves = _chosen(model, splits), model.array(_LEAVES, "<f8").tolist()
    trees, place, first = [], 0, 0
    for depth in _sizes(model, len(chosen)):
        count = dimension << min(depth, 32)
        trees.append({"splits": chosen[place : place + depth], "leaf_values": leaves[first : first + count]})
        place, first = place + depth, first + count
    if first != len(leaves):
        raise ValueError("its leaves are not as many as its trees have")
    return trees


def _plain(model: _Table, splits: list[Any], dimension: int) -> list[Any]:
    """Return the trees of nodes; a node stores how far behind it its children are, 0 for a leaf."""
    chosen, leaves = _chosen(model, splits), model.array(_LEAVES, "<f8")
    steps, leaf_of = model.array(_STEPS, "<u2,<u2"), model.array(_LEAF_OF_NODE, "<u4")
    if not len(steps) == len(leaf_of) == len(chosen):
        raise ValueError("its nodes are not as many as its splits")

    def leaf(place: int) -> dict[str, Any]:
        first = int(leaf_of[place])
        return {"value": leaves[first : first + dimension].tolist()}

    nodes: list[dict[str, Any]] = [{} for _ in chosen]
    roots = set(range(len(chosen)))
    trees, start = [], 0
    for size in _sizes(model, len(chosen)):
        end = start + size
        for place in range(start, end):
            left, right = map(int, steps[place])
            if max(place + left, place + right) >= end:
                raise ValueError("a node has a child that is not there")
            if any(step and place + step not in roots for step in (left, right)) or (left == right and left):
                raise ValueError("a node has two parents")
            roots -= {place + step for step in (left, right) if step}
            if left or right:
                sides = [nodes[place + step] if step else leaf(place) for step in (left, right)]
                nodes[place] |= {"split": chosen[place], "left": sides[0], "right": sides[1]}
            else:
                nodes[place] |= leaf(place)
        trees += nodes[start : start + 1]
        start = end
    return trees
