"""How each server is asked, in its own JSON, and what its answers mean."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Rows = list[list[float]]


@dataclass(frozen=True)
class Dialect:
    """A server's own JSON: where one row and many are sent, in what body, and how to read the answer.

    `labels` and `probabilities` read the answer to many rows; the latter is None where the server answers labels only.
    """

    one_path: str
    many_path: str
    one: Callable[[list[float]], Any]
    many: Callable[[Rows], Any]
    labels: Callable[[Any], Any]
    probabilities: Callable[[Any], Any] | None = None
    first: Callable[[Any], Any] = lambda answer: answer  # the answer to one row, in the form of the answer to many


def _argmax(rows: Rows) -> list[int]:
    return [row.index(max(row)) for row in rows]


def named(path: str, name: str) -> Dialect:
    """Return the dialect of a server that takes rows under a name, and answers labels and probabilities."""

    def body(rows: Rows) -> Any:
        return {name: rows}

    return Dialect(
        path, path, lambda row: body([row]), body, lambda answer: answer["predictions"], lambda a: a["probabilities"]
    )


def probabilities_of(path: str, name: str, reply: str) -> Dialect:
    """Return the dialect of a server that takes rows under a name and answers probabilities, under another."""

    def body(rows: Rows) -> Any:
        return {name: rows}

    return Dialect(
        path, path, lambda row: body([row]), body, lambda answer: _argmax(answer[reply]), lambda answer: answer[reply]
    )


def v2(path: str, *, labels_only: bool = False) -> Dialect:
    """Return the Open Inference Protocol's dialect: one tensor in; `predict` and `predict_proba` out."""
    wanted = {} if labels_only else {"outputs": [{"name": "predict"}, {"name": "predict_proba"}]}

    def body(rows: Rows) -> Any:
        flat = [number for row in rows for number in row]
        tensor = {"name": "rows", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": flat}
        return {"inputs": [tensor], **wanted}

    def probabilities(answer: Any) -> Rows:
        height, width = answer["outputs"][1]["shape"]
        flat = answer["outputs"][1]["data"]
        return [flat[row * width : (row + 1) * width] for row in range(height)]

    read = None if labels_only else probabilities
    return Dialect(path, path, lambda row: body([row]), body, lambda answer: answer["outputs"][0]["data"], read)


def inputs(path: str) -> Dialect:
    """Return the dialect of MLflow's scoring server."""
    return Dialect(
        path, path, lambda row: {"inputs": [row]}, lambda rows: {"inputs": rows}, lambda answer: answer["predictions"]
    )


def plain(many_path: str) -> Dialect:
    """Return ours, and that of a program written for the purpose: one row has its own form."""
    return Dialect(
        "/predict",
        many_path,
        lambda row: {"features": row},
        lambda rows: {"instances": rows},
        lambda answer: answer["predictions"],
        lambda answer: answer["probabilities"],
        lambda answer: {"predictions": [answer["prediction"]]},
    )
