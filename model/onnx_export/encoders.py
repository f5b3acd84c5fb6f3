"""Imputers and encoders of categories. Their input has codes in place of strings (see graph.ColumnTensor)."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn import impute, preprocessing

from model.columns import is_missing
from model.onnx_export.graph import Codes, ColumnTensor, Graph, NotCompiled, Transformers
from model.onnx_export.scaling import concatenate, numeric, select_columns


def encode_value(codes: Codes, value: Any) -> float:
    """Return the code of a value in a column, NaN for a missing value; raises NotCompiled."""
    if is_missing(value):
        return float("nan")
    if codes is not None:
        return codes.setdefault(str(value), float(len(codes)))
    if isinstance(value, str):
        raise NotCompiled("a string among numbers has no compiled form")
    return float(value)


def _indicators(graph: Graph, x: ColumnTensor, categories: Sequence[Any]) -> str:
    """Return indicators of shape (n, categories of all columns): 1 where a column has the category, else 0."""
    owners = [index for index, each in enumerate(categories) for _ in each]
    codes = np.array([encode_value(x.codes[index], value) for index, each in enumerate(categories) for value in each])
    spread = graph.gather_columns(x.name, owners)
    same = graph.add("Equal", spread, graph.constant(codes))
    if np.isnan(codes).any():
        missing = graph.add("And", graph.add("IsNaN", spread), graph.constant(np.isnan(codes), np.bool_))
        same = graph.add("Or", same, missing)
    return graph.cast(same, "double")


def _refuse_infrequent(encoder: Any) -> None:
    if getattr(encoder, "_infrequent_enabled", False):
        raise NotCompiled("an encoder that groups infrequent categories has no compiled form")


def _one_hot(graph: Graph, encoder: Any, x: ColumnTensor) -> ColumnTensor:
    _refuse_infrequent(encoder)
    dropped = encoder.drop_idx_ if encoder.drop_idx_ is not None else [None] * x.width
    kept = [
        list(each) if drop is None else [*each[:drop], *each[drop + 1 :]]
        for each, drop in zip(encoder.categories_, dropped, strict=True)
    ]
    found = numeric(_indicators(graph, x, kept), sum(map(len, kept)))
    return replace(found, sparse=bool(encoder.sparse_output))


def _look_up(graph: Graph, x: ColumnTensor, categories: Sequence[Any], table: Any, unknown: Any) -> str:
    """Return the rows of the table that belong to the columns' categories, or `unknown` for unknown categories.

    The table has shape (categories of all columns, width), and `unknown` has shape (width,).
    """
    there = _indicators(graph, x, categories)
    owners = np.repeat(np.arange(len(categories)), list(map(len, categories)))
    each = table.shape[1] // len(categories)  # how many columns of the table belong to one column of x
    known = graph.add("MatMul", there, graph.constant(np.repeat(owners[:, None] == np.arange(x.width), each, axis=1)))
    found = graph.add("MatMul", there, graph.constant(table))
    return graph.add("Where", graph.add("Greater", known, graph.constant(0)), found, graph.constant(unknown))


def _blocks(values: Sequence[Any]) -> Any:
    """Return a block-diagonal matrix of arrays of shape (categories, k)."""
    table = np.zeros((sum(map(len, values)), sum(each.shape[1] for each in values)))
    row = column = 0
    for each in values:
        table[row : row + len(each), column : column + each.shape[1]] = each
        row, column = row + len(each), column + each.shape[1]
    return table


def _ordinal(graph: Graph, encoder: Any, x: ColumnTensor) -> ColumnTensor:
    _refuse_infrequent(encoder)
    indices = [np.arange(float(len(each)))[:, None] for each in encoder.categories_]
    unknown = np.nan if encoder.unknown_value is None else encoder.unknown_value
    found = _look_up(graph, x, encoder.categories_, _blocks(indices), np.full(x.width, unknown))
    having = [index for index, each in enumerate(encoder.categories_) if any(map(is_missing, each))]
    if having:
        own = np.isin(np.arange(x.width), having)
        missing = graph.add("And", graph.add("IsNaN", x.name), graph.constant(own, np.bool_))
        found = graph.add("Where", missing, graph.constant(encoder.encoded_missing_value), found)
    return numeric(found, x.width)


def _target(graph: Graph, encoder: Any, x: ColumnTensor) -> ColumnTensor:
    each = len(encoder.encodings_) // x.width
    values = [np.stack(encoder.encodings_[index * each : (index + 1) * each], axis=1) for index in range(x.width)]
    mean = np.tile(np.atleast_1d(encoder.target_mean_), x.width)
    return numeric(_look_up(graph, x, encoder.categories_, _blocks(values), mean), each * x.width)


def _imputed(graph: Graph, imputer: Any, x: ColumnTensor) -> ColumnTensor:
    missing = graph.add("IsNaN", x.name)
    if not is_missing(imputer.missing_values):
        mark = np.array([encode_value(codes, imputer.missing_values) for codes in x.codes])
        missing = graph.add("Equal", x.name, graph.constant(mark))
    fill = np.array([encode_value(codes, value) for codes, value in zip(x.codes, imputer.statistics_, strict=True)])
    filled = ColumnTensor(graph.add("Where", missing, graph.constant(fill), x.name), x.codes)
    if not imputer.keep_empty_features:
        filled = select_columns(graph, filled, np.flatnonzero(~np.isnan(fill)))
    if not imputer.add_indicator:
        return filled
    marks = numeric(graph.cast(missing, "double"), x.width)
    return concatenate(graph, [filled, select_columns(graph, marks, imputer.indicator_.features_)])


def _binned(graph: Graph, binner: Any, x: ColumnTensor) -> ColumnTensor:
    """Return the index of a value's bin: how many inner edges are not above the value."""
    edges = [each[1:-1] for each in binner.bin_edges_]
    owners = np.repeat(np.arange(x.width), list(map(len, edges)))
    spread = graph.gather_columns(x.name, owners)
    passed = graph.add("GreaterOrEqual", spread, graph.constant(np.concatenate(edges)))
    count = graph.constant((owners[:, None] == np.arange(x.width)).astype(float))
    found = numeric(graph.add("MatMul", graph.cast(passed, "double"), count), x.width)
    return found if binner.encode == "ordinal" else _one_hot(graph, binner._encoder, found)


TRANSFORMERS: Transformers = {
    impute.SimpleImputer: _imputed,
    preprocessing.KBinsDiscretizer: _binned,
    preprocessing.OneHotEncoder: _one_hot,
    preprocessing.OrdinalEncoder: _ordinal,
    preprocessing.TargetEncoder: _target,
}
