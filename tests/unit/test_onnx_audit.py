"""An ONNX file is checked before its runtime reads it, which does not check ids and lengths."""

import os
from contextlib import suppress

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

from model.engines.onnx import OnnxEngine
from model.engines.onnx_audit import MOST_LEVELS, check_graph
from model.engines.protobuf import LENGTH, NUMBERS, VARINT, read
from model.errors import BundleCorrupt
from model.onnx_export.compiler import compile_model
from model.packing.signature_reader import read_signature

ROWS, LABELS = load_iris(return_X_y=True)
FOREST = RandomForestClassifier(3, random_state=0).fit(ROWS, LABELS)
SIGNATURE = read_signature(FOREST, None)
MADE = compile_model(FOREST, SIGNATURE)


def trees_of(model):
    return next(node for node in model.graph.node if node.op_type == "TreeEnsemble")


def numeric(**changes):
    """Return a change of a forest's file: other numbers at the start of some lists of its trees."""

    def change(model):
        for attribute in trees_of(model).attribute:
            for place, value in enumerate(changes.get(attribute.name, ())):
                attribute.ints[place] = value

    return change


def with_attribute(name, value):
    def change(model):
        node = trees_of(model)
        kept = [attribute for attribute in node.attribute if attribute.name != name]
        del node.attribute[:]
        node.attribute.extend(kept if value is None else [*kept, helper.make_attribute(name, value)])

    return change


def tensor(values):
    return numpy_helper.from_array(np.asarray(values))


def longer(name):
    return lambda model: next(each for each in trees_of(model).attribute if each.name == name).ints.append(0)


def twice(model):
    trees_of(model).attribute.append(trees_of(model).attribute[1])


def operator(name, domain=""):
    def change(model):
        model.graph.node[0].op_type, model.graph.node[0].domain = name, domain

    return change


def looping(model):
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["rows"], ["x"], body=body))


def external(model):
    constant = model.graph.initializer[0]
    constant.data_location = TensorProto.EXTERNAL
    constant.external_data.add(key="location", value="/etc/passwd")


def function(model):
    model.functions.append(helper.make_function("", "Div", ["a", "b"], ["c"], [], []))


def shape(*dims):
    def change(model):
        model.graph.initializer[0].dims[:] = dims

    return change


def subgraph(model):
    attribute = onnx.AttributeProto(name="g", type=onnx.AttributeProto.GRAPH, g=helper.make_graph([], "g", [], []))
    model.graph.node[0].attribute.append(attribute)


WRONG = {
    "a child out of range": numeric(nodes_falsenodeids=[10**6]),
    "a child below zero": numeric(nodes_truenodeids=[-1]),
    "a child that is a circle": numeric(nodes_truenodeids=[0], nodes_trueleafs=[0]),
    "a child of two nodes": numeric(nodes_truenodeids=[1, 2, 2], nodes_trueleafs=[0, 0, 0]),
    "a leaf of two nodes": numeric(nodes_truenodeids=[0, 0], nodes_trueleafs=[1, 1]),
    "a leaf that is neither": numeric(nodes_trueleafs=[2]),
    "a root out of range": numeric(tree_roots=[10**6]),
    "a root below zero": numeric(tree_roots=[-(2**63)]),
    "a root twice": numeric(tree_roots=[0, 0]),
    "a feature below zero": numeric(nodes_featureids=[-1]),
    "a target out of range": numeric(leaf_targetids=[3]),
    "no target": with_attribute("n_targets", 0),
    "targets without leaves": with_attribute("n_targets", 2**40),
    "a way to aggregate that there is not": with_attribute("aggregate_function", 9),
    "a list of another length": longer("nodes_falseleafs"),
    "more targets than leaves": longer("leaf_targetids"),
    "fewer thresholds than nodes": with_attribute("nodes_splits", tensor([0.5])),
    "thresholds of another kind": with_attribute("nodes_splits", tensor(np.float32([0.5]))),
    "fewer leaves than there are targets for": with_attribute("leaf_weights", tensor([0.5])),
    "another kind of comparison": with_attribute("nodes_modes", tensor(np.uint8([6]))),
    "a list where a number is": with_attribute("n_targets", [1, 2]),
    "a number where a list is": with_attribute("tree_roots", 1),
    "no roots": with_attribute("tree_roots", None),
    "one attribute more": with_attribute("membership_values", tensor([0.5])),
    "an attribute twice": twice,
    "an operator of another version": operator("TreeEnsembleRegressor", "ai.onnx.ml"),
    "an operator of the vendor's": operator("FusedGemm", "com.microsoft"),
    "an operator that makes memory": operator("ConstantOfShape"),
    "a loop": looping,
    "a graph in an attribute": subgraph,
    "a function": function,
    "numbers in another file": external,
    "fewer numbers than a shape says": shape(2**40),
    "a shape below zero": shape(-1),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_graph_whose_numbers_lead_anywhere_is_refused_before_it_is_read(name):
    """A graph that would crash or hang the runtime is refused before the runtime reads it."""
    model = onnx.load_from_string(MADE.content)
    WRONG[name](model)
    content = model.SerializeToString()
    assert content != MADE.content

    with pytest.raises(BundleCorrupt, match=r"the compiled model cannot be read \((a|an|field|the) "):
        OnnxEngine(content, MADE.codes, SIGNATURE)


def chain(depth):
    """Return a file of one tree, of which each node has a leaf and the next node."""
    inner, last = list(range(depth - 1)), [depth - 1]
    node = helper.make_node(
        "TreeEnsemble",
        ["rows"],
        ["labels"],
        domain="ai.onnx.ml",
        aggregate_function=1,
        n_targets=1,
        nodes_modes=tensor(np.zeros(depth, np.uint8)),
        nodes_splits=tensor(np.arange(depth, dtype=float)),
        leaf_weights=tensor(np.ones(depth + 1)),
        leaf_targetids=[0] * (depth + 1),
        nodes_featureids=[0] * depth,
        nodes_truenodeids=[*(place + 1 for place in inner), depth],
        nodes_trueleafs=[0] * (depth - 1) + [1],
        nodes_falsenodeids=[*inner, *last],
        nodes_falseleafs=[1] * depth,
        nodes_missing_value_tracks_true=[0] * depth,
        tree_roots=[0],
    )
    rows = helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, 4])
    labels = helper.make_tensor_value_info("labels", TensorProto.DOUBLE, [None, 1])
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 5)]
    made = helper.make_model(helper.make_graph([node], "m", [rows], [labels]), opset_imports=opsets, ir_version=10)
    return made.SerializeToString()


def test_a_tree_is_refused_that_the_runtime_has_no_stack_for():
    """A tree too deep for the runtime's stack is refused; the runtime reads the deepest accepted one."""
    with pytest.raises(ValueError, match="out of range"):
        check_graph(chain(MOST_LEVELS + 1))

    check_graph(chain(MOST_LEVELS - 1))
    child = os.fork()
    if not child:
        with suppress(BundleCorrupt):  # it was made for no signature
            OnnxEngine(chain(MOST_LEVELS - 1), {}, SIGNATURE)
        os._exit(0)
    assert 0 == os.waitpid(child, 0)[1]


WHOLE = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(WHOLE), WHOLE)
def test_numbers_are_read_as_they_were_written(values, single):
    """Repeated numbers are read as written, packed or each with its own key, whatever follows them."""
    attribute = onnx.AttributeProto(name="x", ints=values, i=single, type=2)
    dims = onnx.TensorProto(dims=values, name="x").SerializeToString()

    found = read(memoryview(attribute.SerializeToString()), {1: LENGTH, 3: VARINT, 8: NUMBERS, 20: VARINT})
    assert values == np.concatenate([np.empty(0, np.int64), *found.get(8, [])]).tolist()
    assert (single % 2**64, 2) == (found[3][0], found[20][0])
    found = read(memoryview(dims), {1: NUMBERS, 8: LENGTH})
    assert values == np.concatenate([np.empty(0, np.int64), *found.get(1, [])]).tolist()


@given(st.binary(max_size=40), st.integers(0, 1000))
def test_bytes_that_are_no_message_are_an_error_of_a_known_kind(damage, place):
    """Bytes that are not a message raise a known error, quickly, and without a crash."""
    cut = place % len(MADE.content)
    content = MADE.content[:cut] + damage + MADE.content[cut + len(damage) :]

    with suppress(BundleCorrupt):
        OnnxEngine(content, MADE.codes, SIGNATURE)
