"""What compares rows with points: nearest neighbours and centres, support vector machines, kernel ridge regression."""

from itertools import combinations
from typing import Any

import numpy as np
from sklearn import cluster, kernel_ridge, neighbors, svm

from model.onnx_export.graph import ColumnTensor, Graph, NotCompiled, PredictorOutput, Predictors
from model.onnx_export.linear import affine, argmax

MOST_NUMBERS = 1_000_000


def _squared_distances(graph: Graph, x: str, kept: Any) -> str:
    """Return the squared Euclidean distance between each row and each training row, of shape (n, training rows)."""
    kept = np.asarray(kept, dtype=np.float64)
    own = graph.reduce("ReduceSum", graph.add("Mul", x, x), keepdims=1)
    cross = graph.add("MatMul", x, graph.constant(-2 * kept.T))
    found = graph.add("Add", graph.add("Add", cross, own), graph.constant((kept**2).sum(axis=1)))
    return graph.add("Max", found, graph.constant(0))


def _nearest(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    closeness = graph.add("Neg", _squared_distances(graph, x.name, estimator.cluster_centers_))
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
    closeness = graph.add("Neg", _squared_distances(graph, x.name, estimator._fit_X))
    indices = graph.add("TopK", closeness, graph.constant([estimator.n_neighbors], np.int64), axis=1, output=1)
    found = graph.add("Gather", graph.constant(values), indices)
    return graph.reduce("ReduceMean", found)


def _among_classes(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    if estimator.outputs_2d_:
        raise NotCompiled("neighbours with several outputs have no compiled form")
    shares = _among(graph, estimator, x, np.eye(len(estimator.classes_))[estimator._y])
    return PredictorOutput(argmax(graph, shares), (shares,))


def _among_numbers(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    return PredictorOutput(_among(graph, estimator, x, np.asarray(estimator._y, dtype=np.float64)))


def _kernel(graph: Graph, x: str, estimator: Any, vectors: Any, gamma: float) -> str:
    """Return the estimator's kernel between each row and each of its vectors, of shape (n, vectors)."""
    if estimator.kernel == "linear":
        return graph.add("MatMul", x, graph.constant(np.asarray(vectors).T))
    if estimator.kernel == "rbf":
        distances = _squared_distances(graph, x, vectors)
        return graph.add("Exp", graph.add("Mul", graph.constant(-gamma), distances))
    product = affine(graph, x, gamma * np.asarray(vectors), estimator.coef0)
    if estimator.kernel in ("poly", "polynomial"):
        return graph.add("Pow", product, graph.constant(estimator.degree))
    if estimator.kernel == "sigmoid":
        return graph.add("Tanh", product)
    raise NotCompiled(f"the kernel {estimator.kernel!r} has no compiled form")


def _vectors(graph: Graph, estimator: Any, x: ColumnTensor) -> str:
    if estimator._sparse or callable(estimator.kernel):
        raise NotCompiled("a support vector machine over sparse rows or with a kernel of its own has no compiled form")
    return _kernel(graph, x.name, estimator, estimator.support_vectors_, estimator._gamma)


def _regression(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    values = affine(graph, _vectors(graph, estimator, x), estimator._dual_coef_, estimator._intercept_)
    return PredictorOutput(graph.squeeze(values))


def _one_class(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    inside = graph.add("Greater", _regression(graph, estimator, x).labels, graph.constant(0))  # svm_predict_values
    return PredictorOutput(graph.add("Where", inside, graph.constant(1), graph.constant(-1)))


def _classifier(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    """Let each pair of classes vote, as libsvm does (svm_predict_values): the first class with the most votes wins."""
    if hasattr(estimator, "predict_proba"):
        raise NotCompiled(
            "a support vector machine's probabilities, which libsvm computes iteratively, have no compiled form"
        )
    if estimator.break_ties and len(estimator.classes_) > 2:
        raise NotCompiled("votes with ties broken by confidence have no compiled form")
    vectors, count = _vectors(graph, estimator, x), len(estimator.classes_)
    ends = np.cumsum([0, *estimator._n_support])
    pairs = list(combinations(range(count), 2))
    weights = np.zeros((len(pairs), ends[-1]))
    for row, (one, other) in enumerate(pairs):
        mine, its = slice(ends[one], ends[one + 1]), slice(ends[other], ends[other + 1])
        weights[row, mine] = estimator._dual_coef_[other - 1, mine]
        weights[row, its] = estimator._dual_coef_[one, its]
    values = affine(graph, vectors, weights, estimator._intercept_)
    first = graph.compare("Greater", values, graph.constant(0))
    votes = np.zeros((count, len(pairs)))
    lost = np.zeros(count)
    for row, (one, other) in enumerate(pairs):  # a vote for the first of the pair, or else for the other
        votes[one, row] += 1
        votes[other, row] -= 1
        lost[other] += 1
    labels = argmax(graph, affine(graph, first, votes, lost))
    single = graph.add("Neg", values) if count == 2 else None  # scikit-learn inverts the sign for two classes
    return PredictorOutput(labels, scores=single)


def _ridge(graph: Graph, estimator: Any, x: ColumnTensor) -> PredictorOutput:
    if not isinstance(estimator.X_fit_, np.ndarray):
        raise NotCompiled("kernel ridge regression over sparse rows has no compiled form")
    gamma = 1.0 / x.width if estimator.gamma is None else estimator.gamma
    kernel = _kernel(graph, x.name, estimator, estimator.X_fit_, gamma)
    values = graph.add("MatMul", kernel, graph.constant(np.reshape(estimator.dual_coef_, (len(estimator.X_fit_), -1))))
    return PredictorOutput(graph.squeeze(values) if np.ndim(estimator.dual_coef_) == 1 else values)


PREDICTORS: Predictors = {
    cluster.KMeans: _nearest_mean,
    cluster.MiniBatchKMeans: _nearest_mean,
    cluster.MeanShift: _nearest,
    cluster.AffinityPropagation: _nearest,
    neighbors.KNeighborsClassifier: _among_classes,
    neighbors.KNeighborsRegressor: _among_numbers,
    svm.SVR: _regression,
    svm.NuSVR: _regression,
    svm.OneClassSVM: _one_class,
    svm.SVC: _classifier,
    svm.NuSVC: _classifier,
    kernel_ridge.KernelRidge: _ridge,
}
