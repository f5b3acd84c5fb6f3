"""Files of XGBoost, LightGBM and CatBoost that lie: packing refuses them in one line, at little cost."""

import json
import random
import re
import time
import tracemalloc
from pathlib import Path

import pytest

from model.engines.onnx import OnnxEngine
from model.errors import ModelError, UnsupportedEstimator
from model.onnx_export.compiler import compile_model
from model.onnx_export.graph import NotCompiled
from model.onnx_export.random_rows import random_rows
from model.packing.signature_reader import read_signature
from model.packing.sources import read_source

FOLDER = Path(__file__).parents[1] / "documents" / "native"
XGBOOST = json.loads((FOLDER / "xgboost-classes.json").read_text())
LIGHTGBM = (FOLDER / "lightgbm-binary.txt").read_bytes()
CATBOOST = json.loads((FOLDER / "catboost-binary.json").read_text())
DOCUMENTS = sorted(path for path in FOLDER.iterdir() if path.suffix in (".ubj", ".json", ".txt", ".cbm"))
NUMBERS = b'-1 0 1.5 1e999 1e38 NaN -Infinity 999999999999 4294967296 -9223372036854775809 null true [] {} "x"'.split()
MANY, MOST_SECONDS, MOST_BYTES = 10**9, 10, 2**28


def xgboost(*path_and_value):
    """Return the document with one member changed."""
    *path, last, value = path_and_value
    document = json.loads(json.dumps(XGBOOST))
    place = document["learner"]
    for name in path:
        place = place[name]
    place[last] = value
    return json.dumps(document, separators=(",", ":")).encode()


def tree(name, value):
    """Return the document with a member of its first tree changed."""
    return xgboost("gradient_booster", "model", "trees", 0, name, value)


def chain(count):
    """Return a tree that has a leaf on each of so many levels."""
    members = XGBOOST["learner"]["gradient_booster"]["model"]["trees"][0]
    inner = [place for level in range(count) for place in (2 * level,)]
    size, deep = 2 * count + 1, json.loads(json.dumps(XGBOOST))
    sides = {"left_children": [-1] * size, "right_children": [-1] * size}
    for place in inner:
        sides["left_children"][place], sides["right_children"][place] = place + 1, place + 2
    empty = {name: [] for name in members if name.startswith("categories")}
    listed = {name: [0] * size for name in ("split_indices", "split_conditions", "default_left", "split_type")}
    deep["learner"]["gradient_booster"]["model"]["trees"][0] = {**members, **sides, **empty, **listed}
    return json.dumps(deep, separators=(",", ":")).encode()


def lightgbm(pattern, value):
    """Return the text with the first match of a pattern changed."""
    return re.sub(pattern, value, LIGHTGBM, count=1)


def catboost(change):
    """Return the document after a change."""
    document = json.loads(json.dumps(CATBOOST))
    change(document)
    return json.dumps(document).encode()


def binary(before, after):
    """Return CatBoost's binary file with the first of some bytes exchanged for others."""
    content = (FOLDER / "catboost-deep.cbm").read_bytes()
    assert before in content
    return content.replace(before, after, 1)


def column(document):
    """Return the first column of CatBoost's document."""
    return document["features_info"]["float_features"][0]


def first(document):
    """Return the first tree of CatBoost's document."""
    return document["oblivious_trees"][0]


UBJ = b"{L\0\0\0\0\0\0\0\x07learner"
NODES = len(XGBOOST["learner"]["gradient_booster"]["model"]["trees"][0]["split_conditions"])
LIES = {
    "columns": xgboost("learner_model_param", "num_feature", str(MANY)).replace(b'"feature_names":[', b'"names":['),
    "other columns": xgboost("learner_model_param", "num_feature", "7"),
    "classes": xgboost("learner_model_param", "num_class", str(MANY)),
    "targets": xgboost("learner_model_param", "num_target", str(MANY)),
    "a base score that is no number": xgboost("learner_model_param", "base_score", "[NaN,1,2]"),
    "a best iteration": xgboost("attributes", {"best_iteration": str(MANY)}),
    "a leaf's values": tree("tree_param", {"size_leaf_vector": str(MANY), "num_nodes": "3"}),
    "a circle": tree("left_children", [0] * NODES),
    "a child beyond the end": tree("right_children", [MANY] * NODES),
    "a child before the start": tree("right_children", [-5] * NODES),
    "a column that is not there": tree("split_indices", [99] * NODES),
    "thresholds that are no numbers": tree("split_conditions", [float("nan")] * NODES),
    "infinite leaves": tree("split_conditions", [float("inf")] * NODES),
    "a set that is longer than the file": tree("categories_sizes", [MANY]),
    "categories that are not there": tree("categories", [2**40] * 100),
    "a sum that is not there": xgboost("gradient_booster", "model", "tree_info", 0, 99),
    "two names": xgboost("feature_names", ["a", "a", "b", "c"]),
    "too few names": xgboost("feature_names", ["a"]),
    "nesting": b'{"learner":' + b"[" * 10**6,
    "a long number": b'{"learner":' + b"9" * 10**6 + b"}",
    "a deep tree": chain(20_000),
    "a long UBJSON array": UBJ + b"[$d#L\x7f\xff\xff\xff\xff\xff\xff\xff",
    "a long UBJSON array of nothing": UBJ + b"[$Z#L\0\0\0\0\x3b\x9a\xca\0",
    "a long UBJSON string": UBJ + b"SL\0\0\0\0\x3b\x9a\xca\0aa",
    "UBJSON nesting": UBJ + b"[" * 10**6,
    "LightGBM's leaves": lightgbm(rb"num_leaves=\d+", b"num_leaves=1000000000"),
    "LightGBM's columns": lightgbm(rb"max_feature_idx=\d+", b"max_feature_idx=1000000000"),
    "LightGBM's outputs": lightgbm(rb"num_tree_per_iteration=\d+", b"num_tree_per_iteration=1000000000"),
    "LightGBM's sets": lightgbm(rb"num_cat=\d+", b"num_cat=1000000000"),
    "LightGBM's bounds": lightgbm(rb"cat_boundaries=[^\n]*", b"cat_boundaries=0 1000000000"),
    "LightGBM's thresholds": lightgbm(rb"threshold=\S+", b"threshold=nan"),
    "LightGBM's leaf": lightgbm(rb"leaf_value=\S+", b"leaf_value=inf"),
    "LightGBM's circle": lightgbm(rb"left_child=\S+", b"left_child=0"),
    "LightGBM's sigmoid": lightgbm(rb"sigmoid:1", b"sigmoid:nan"),
    "LightGBM's names": lightgbm(rb"feature_names=[^\n]*", b"feature_names=a a a a"),
    "LightGBM's categories": lightgbm(rb"pandas_categorical:[^\n]*", b"pandas_categorical:" + b"[" * 100_000),
    "LightGBM's end": LIGHTGBM[: len(LIGHTGBM) // 2],
    "CatBoost's columns": catboost(
        lambda each: each["features_info"]["float_features"][0].update(flat_feature_index=MANY)
    ),
    "CatBoost's depth": catboost(
        lambda each: each["oblivious_trees"][0].update(splits=each["oblivious_trees"][0]["splits"] * 30)
    ),
    "CatBoost's border": catboost(lambda each: first(each)["splits"][0].update(border=float("nan"))),
    "CatBoost's scale": catboost(lambda each: each.update(scale_and_bias=[float("inf"), [0]])),
    "CatBoost's outputs": catboost(lambda each: each.update(scale_and_bias=[1, [0] * 10**5])),
    "CatBoost's labels": catboost(lambda each: each["model_info"].update(class_params={"class_names": [{}, []]})),
    "a binary file whose nodes share a child": binary(b"\x01\0\x04\0", b"\x01\0\x01\0"),
    "a binary file's end": (FOLDER / "catboost-deep.cbm").read_bytes()[:-100],
    "a binary file's size": binary(b"CBM1", b"CBM1\xff\xff\xff\x7f"),
    "a binary file's format": binary(b"FlabuffersModel_v1", b"FlabuffersModel_v2"),
    "a binary file's root": binary(b"CBM1", b"CBM1\x40\0\0\0\xff\xff\xff\xff"),
    "more labels": catboost(lambda each: each["model_info"].update(class_params={"class_names": [1, 2, 3]})),
}


def prepare(path):
    """Do what packing does with a file, up to the first answer of the graph."""
    estimator = read_source(path).estimator
    signature = read_signature(estimator, None)
    made = compile_model(estimator, signature)
    return OnnxEngine(made.content, made.codes, signature).predict(random_rows(signature, 3, seed=0))


@pytest.mark.parametrize("name", LIES)
def test_a_lie_is_refused_in_one_line_at_little_cost(tmp_path, name):
    """Nothing is allocated, visited or nested by a number that the file does not bear out."""
    path = tmp_path / "model"
    path.write_bytes(LIES[name])
    start = time.monotonic()
    tracemalloc.start()

    with pytest.raises(UnsupportedEstimator) as raised:
        prepare(path)

    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 1000
    assert most < MOST_BYTES
    assert time.monotonic() - start < MOST_SECONDS


def mutated(draw, content):
    """Return a document with a few changes: of bytes, of its length, or of a number."""
    changed = bytearray(content)
    place = draw.randrange(len(changed))
    part = slice(place, place + draw.randrange(1, 200))
    match draw.randrange(7):
        case 0:
            changed[place] = draw.randrange(256)
        case 1:
            del changed[place:]
        case 2:
            del changed[part]
        case 3:
            changed[place:place] = changed[part]
        case 4:
            changed[place : place + 8] = draw.choice([b"\xff" * 8, bytes(8), b"\0\0\0\0\x3b\x9a\xca\0"])
        case _:
            numbers = list(re.finditer(rb"-?\d+(\.\d+)?([eE][-+]?\d+)?", content))
            number = draw.choice(numbers)
            changed[number.start() : number.end()] = draw.choice(NUMBERS)
    return bytes(changed)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_whatever_is_changed_in_a_file_it_is_refused_or_packed(tmp_path, path):
    """Changes at random never raise anything but the errors of packing, and never take long."""
    draw, content, slowest = random.Random(path.name), path.read_bytes(), 0.0
    target = tmp_path / "model"
    for _ in range(60):
        target.write_bytes(mutated(draw, content))
        start = time.monotonic()
        try:
            prepare(target)
        except (ModelError, NotCompiled) as error:
            refused = str(error)
        else:
            refused = ""
        slowest = max(slowest, time.monotonic() - start)

        assert "\n" not in refused

    assert slowest < MOST_SECONDS
