"""Steps of other libraries that only select columns, and glum's linear models; the libraries are never imported.

The steps of scikit-lego, mlxtend, feature-engine and skrub store which columns they keep or drop. Other estimators of
these libraries have no compiled form.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput, Predictors, Transformers
from model.onnx_export.linear import affine
from model.onnx_export.scaling import select_columns

_LINKS: Final = {"IdentityLink": "Identity", "LogLink": "Exp", "LogitLink": "Sigmoid"}
# The attribute in which a fitted step stores the columns that it keeps.
_KEEPING: Final = {
    "mlxtend.feature_selection.column_selector.ColumnSelector": "cols",
    "mlxtend.feature_selection.sequential_feature_selector.SequentialFeatureSelector": "k_feature_idx_",
    "sklego.preprocessing.pandastransformers.ColumnDropper": "feature_names_",
    "sklego.preprocessing.pandastransformers.ColumnSelector": "columns_",
    "sklego.preprocessing.pandastransformers.TypeSelector": "feature_names_",
    "skrub._select_cols.DropCols": "kept_cols_",
    "skrub._select_cols.SelectCols": "columns_",
}
_DROPPING: Final = (
    "drop_constant_features.DropConstantFeatures drop_correlated_features.DropCorrelatedFeatures "
    "drop_duplicate_features.DropDuplicateFeatures drop_features.DropFeatures "
    "smart_correlation_selection.SmartCorrelatedSelection"
)
_SAME: Final = (
    "mlxtend.preprocessing.dense_transformer.DenseTransformer",
    "sklego.preprocessing.identitytransformer.IdentityTransformer",
)


def _kept(graph: Graph, step: Any, x: ColumnTensor, attribute: str) -> ColumnTensor:
    return select_columns(graph, x, _places(x, getattr(step, attribute)))


def _without(graph: Graph, step: Any, x: ColumnTensor) -> ColumnTensor:
    left_out = set(_places(x, step.features_to_drop_))
    return select_columns(graph, x, [index for index in range(x.width) if index not in left_out])


def _places(x: ColumnTensor, columns: Sequence[Any]) -> list[int]:
    """Return the indices of columns given by index or name; raises NotCompiled if a name is unknown."""
    if not all(isinstance(each, (int, np.integer)) or each in (x.names or ()) for each in columns):
        raise NotCompiled("a selection of columns whose names an earlier step made has no compiled form")
    return [(x.names or ()).index(each) if isinstance(each, str) else int(each) for each in columns]


def _glum(graph: Graph, model: Any, x: ColumnTensor) -> PredictorOutput:
    """Return the inverse link of a linear predictor; `link_instance` is the link of the family, or the caller's."""
    link = type(model.link_instance).__name__
    if link not in _LINKS:
        raise NotCompiled(f"the link {link} has no compiled form")
    linear = graph.squeeze(affine(graph, x.name, model.coef_, model.intercept_))
    return PredictorOutput(graph.add(_LINKS[link], linear))


TRANSFORMERS: Transformers = {
    **{
        name: lambda graph, step, x, attribute=attribute: _kept(graph, step, x, attribute)
        for name, attribute in _KEEPING.items()
    },
    **{f"feature_engine.selection.{name}": _without for name in _DROPPING.split()},
    **{name: lambda _graph, _step, x: x for name in _SAME},
}
PREDICTORS: Predictors = {
    "glum._glm.GeneralizedLinearRegressor": _glum,
    "glum._glm_cv.GeneralizedLinearRegressorCV": _glum,
}
