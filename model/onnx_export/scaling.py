"""Transformers of numbers: functions, scalers, projections, feature selection."""

from functools import partial
from operator import methodcaller
from typing import Any, Final

import numpy as np
from sklearn import decomposition, feature_selection, preprocessing, random_projection
from sklearn.utils.validation import check_array

from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, Transformers
from model.onnx_export.linear import affine

# ONNX operators, applied in order, each with its second operand if it has one.
FUNCTIONS: Final[dict[Any, tuple[tuple[Any, ...], ...]]] = {
    None: (),
    np.exp: (("Exp",),),
    np.expm1: (("Exp",), ("Sub", 1)),
    np.log: (("Log",),),
    np.log1p: (("Add", 1), ("Log",)),
    np.sqrt: (("Sqrt",),),
    np.abs: (("Abs",),),
    np.square: (("Pow", 2),),
    np.fabs: (("Abs",),),
    np.floor: (("Floor",),),
    np.log2: (("Log",), ("Div", np.log(2))),
    np.log10: (("Log",), ("Div", np.log(10))),
    np.negative: (("Neg",),),
    np.tanh: (("Tanh",),),
}
_CASTS: Final = (methodcaller("astype", float).__reduce__()[1], methodcaller("astype", "float64").__reduce__()[1])


def numeric(name: str, width: int) -> ColumnTensor:
    """Return a tensor with `width` columns of numbers."""
    return ColumnTensor(name, (None,) * width)


def select_columns(graph: Graph, x: ColumnTensor, indices: Any) -> ColumnTensor:
    """Return some of the columns, by index."""
    indices = np.asarray(indices, dtype=int)
    if indices.tolist() == list(range(x.width)):
        return x
    codes = tuple(x.codes[index] for index in indices)
    names = None if x.names is None else tuple(x.names[index] for index in indices)
    return ColumnTensor(graph.gather_columns(x.name, indices), codes, names=names)


def concatenate(graph: Graph, parts: list[ColumnTensor]) -> ColumnTensor:
    """Return tensors joined column by column."""
    if len(parts) == 1:
        return parts[0]
    name = graph.add("Concat", *(part.name for part in parts), axis=1)
    return ColumnTensor(name, tuple(codes for part in parts for codes in part.codes))


def apply_function(graph: Graph, name: str, function: Any) -> str:
    """Apply a numpy function to each number; raises NotCompiled."""
    if isinstance(function, partial) and function.func is check_array:
        function = None
    if isinstance(function, methodcaller) and function.__reduce__()[1] in _CASTS:  # all numbers are float64 already
        function = None
    if function not in FUNCTIONS:
        raise NotCompiled(f"the function {getattr(function, '__name__', function)} has no compiled form")
    for operator, *operands in FUNCTIONS[function]:
        name = graph.add(operator, name, *map(graph.constant, operands))
    return name


def _function(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    if transformer.kw_args:
        raise NotCompiled("a function with arguments has no compiled form")
    name = apply_function(graph, x.name, transformer.func)
    return x if name == x.name else numeric(name, x.width)


def _shift_and_scale(graph: Graph, x: ColumnTensor, shift: Any, scale: Any) -> ColumnTensor:
    name = x.name if shift is None else graph.add("Sub", x.name, graph.constant(shift))
    return numeric(name if scale is None else graph.add("Div", name, graph.constant(scale)), x.width)


def _standard(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    shift = transformer.mean_ if transformer.with_mean else None
    return _shift_and_scale(graph, x, shift, transformer.scale_ if transformer.with_std else None)


def _robust(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    centre = transformer.center_ if transformer.with_centering else None
    return _shift_and_scale(graph, x, centre, transformer.scale_ if transformer.with_scaling else None)


def _largest(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    scaled = _shift_and_scale(graph, x, None, transformer.scale_)
    clip = getattr(transformer, "clip", False)
    return _clipped(graph, scaled, -1.0, 1.0) if clip else scaled


def _range(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    scaled = graph.add("Mul", x.name, graph.constant(transformer.scale_))
    found = numeric(graph.add("Add", scaled, graph.constant(transformer.min_)), x.width)
    return _clipped(graph, found, *transformer.feature_range) if transformer.clip else found


def _clipped(graph: Graph, x: ColumnTensor, least: float, most: float) -> ColumnTensor:
    return numeric(graph.add("Clip", x.name, graph.constant(least), graph.constant(most)), x.width)


def _normalised(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    reduction = {"l1": "ReduceL1", "l2": "ReduceL2", "max": "ReduceMax"}[transformer.norm]
    source = graph.add("Abs", x.name) if transformer.norm == "max" else x.name
    norm = graph.reduce(reduction, source, keepdims=1)
    usable = graph.add("Where", graph.add("Equal", norm, graph.constant(0)), graph.constant(1), norm)
    return numeric(graph.add("Div", x.name, usable), x.width)


def _polynomial(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    """Multiply columns; products of fewer factors than the highest degree are padded with a column of ones."""
    factors = [
        [index + 1 for index, power in enumerate(powers) for _ in range(power)] for powers in transformer.powers_
    ]
    pads = graph.constant([0, 1, 0, 0], np.int64)
    with_ones = graph.add("Pad", x.name, pads, graph.constant(1))
    most = max(1, *map(len, factors))
    table = np.array([each + [0] * (most - len(each)) for each in factors])
    parts = [graph.gather_columns(with_ones, column) for column in table.T]
    product = parts[0]
    for part in parts[1:]:
        product = graph.add("Mul", product, part)
    return numeric(product, len(factors))


def _binary(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    above = graph.add("Greater", x.name, graph.constant(transformer.threshold))
    return numeric(graph.cast(above, "double"), x.width)


def _projection(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    components = transformer.components_
    components = components.toarray() if hasattr(components, "toarray") else np.asarray(components)
    mean = getattr(transformer, "mean_", None)
    shift = np.zeros(len(components)) if mean is None else -(np.reshape(mean, (1, -1)) @ components.T)[0]
    found = affine(graph, x.name, components, shift)
    if getattr(transformer, "whiten", False):
        scale = np.sqrt(transformer.explained_variance_)
        found = graph.add("Div", found, graph.constant(np.maximum(scale, np.finfo(float).eps)))
    return numeric(found, len(components))


def _selection(graph: Graph, transformer: Any, x: ColumnTensor) -> ColumnTensor:
    return select_columns(graph, x, np.flatnonzero(transformer.get_support()))


_SELECTIONS = (
    "GenericUnivariateSelect RFE RFECV SelectFdr SelectFpr SelectFromModel SelectFwe SelectKBest SelectPercentile "
    "SequentialFeatureSelector VarianceThreshold"
)
TRANSFORMERS: Transformers = {
    preprocessing.Binarizer: _binary,
    preprocessing.FunctionTransformer: _function,
    preprocessing.MaxAbsScaler: _largest,
    preprocessing.MinMaxScaler: _range,
    preprocessing.Normalizer: _normalised,
    preprocessing.PolynomialFeatures: _polynomial,
    preprocessing.RobustScaler: _robust,
    preprocessing.StandardScaler: _standard,
    decomposition.IncrementalPCA: _projection,
    decomposition.PCA: _projection,
    decomposition.TruncatedSVD: _projection,
    random_projection.GaussianRandomProjection: _projection,
    random_projection.SparseRandomProjection: _projection,
    **{getattr(feature_selection, name): _selection for name in _SELECTIONS.split()},
}
