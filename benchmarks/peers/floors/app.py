"""What the stack costs when nothing is done: an empty Flask view, and less than that."""

from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask, Response

ANSWER = b'{"prediction":0,"probability":0.9789463700000000}'

view = Flask(__name__, static_folder=None)


@view.post("/predict")
def predict() -> Response:
    """Answer a constant."""
    return Response(ANSWER, content_type="application/json")


def raw(_: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer a constant, with WSGI alone."""
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(ANSWER)))])
    return (ANSWER,)
