"""Nearest neighbours, and nearest centres of clusters."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn import cluster, neighbors

from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput
from model.onnx_export.linear import argmax

MOST_NUMBERS = 1_000_000


def squared_distances(graph: Graph, x: str, kept: Any) -> str:
    """Return the squared Euclidean distance between each row and each training row, of shape (n, training rows)."""
    kept = np.asarray(kept, dtype=np.float64)
    own = graph.reduce("ReduceSum", graph.add("Mul", x, x), keepdims=1)
    cross = graph.add("MatMul", x, graph.constant(-2 * kept.T))
    found = graph.add("Add", graph.add("Add", cross, own), graph.constant((kept**2).sum(axis=1)))
    return graph.add("Max", found, graph.constant(0))


def _nearest(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    closeness = graph.add("Neg", squared_distances(graph, x.name, estimator.cluster_centers_))
    return PredictorOutput(argmax(graph, closeness))


def _nearest_mean(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    """Convert k-means, which leaves the row's own square out of distances: in far rows, it would swamp the rest."""
    centres = np.asarray(estimator.cluster_centers_, dtype=np.float64)
    cross = graph.add("MatMul", x.name, graph.constant(2 * centres.T))
    closeness = graph.add("Sub", cross, graph.constant((centres**2).sum(axis=1)))
    return PredictorOutput(argmax(graph, closeness))


def _among(graph: Graph, estimator: Any, x: ColumnTensor, values: Any) -> str:
    """Return the mean of `values` over the nearest neighbours, of shape (n, width of values)."""
    euclidean = estimator.effective_metric_ in ("euclidean", "sqeuclidean")
    if not isinstance(estimator._fit_X, np.ndarray):
        raise NotCompiled("neighbours among sparse rows have no compiled form")
    if not euclidean or estimator.weights not in ("uniform", None) or estimator._fit_X.size > MOST_NUMBERS:
        raise NotCompiled("neighbours with weights, another distance, or too many training rows have no compiled form")
    closeness = graph.add("Neg", squared_distances(graph, x.name, estimator._fit_X))
    indices = graph.add("TopK", closeness, graph.constant([estimator.n_neighbors], np.int64), axis=1, output=1)
    found = graph.add("Gather", graph.constant(values), indices)
    return graph.reduce("ReduceMean", found)


def _classifier(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    if estimator.outputs_2d_:
        raise NotCompiled("neighbours with several outputs have no compiled form")
    shares = _among(graph, estimator, x, np.eye(len(estimator.classes_))[estimator._y])
    return PredictorOutput(argmax(graph, shares), (shares,))


def _regressor(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    return PredictorOutput(_among(graph, estimator, x, np.asarray(estimator._y, dtype=np.float64)))


PREDICTORS: dict[type, Callable[..., PredictorOutput]] = {
    cluster.KMeans: _nearest_mean,
    cluster.MiniBatchKMeans: _nearest_mean,
    cluster.MeanShift: _nearest,
    cluster.AffinityPropagation: _nearest,
    neighbors.KNeighborsClassifier: _classifier,
    neighbors.KNeighborsRegressor: _regressor,
}
