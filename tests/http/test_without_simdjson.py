"""Where simdjson has no wheel, as on Python 3.14, bodies of nothing but numbers get the same answers."""

import json

import pytest

from service.validation import plain_numbers
from tests.badinput import JSON, NAMES

ROWS = [[5.1 + row / 64, 3.5, 1e-3, -2] for row in range(200)]
NUMBERS = [number for row in ROWS for number in row]
TENSOR = {"name": "predict", "shape": [len(ROWS), 4], "datatype": "FP64", "data": NUMBERS}
MODEL = "/v2/models/iris/infer"
OWN = {"request_id", "trace_id", "span_id"}


def outcome(answer):
    """Return the status and what the body says, but for what is of one request."""
    return answer.status_code, {name: value for name, value in answer.json.items() if name not in OWN}


@pytest.mark.parametrize(
    ("path", "kind", "body", "status"),
    [
        ("/predict", JSON, json.dumps({"instances": ROWS}), 200),
        ("/predict", JSON, json.dumps({"instances": [*ROWS, [1, 2, 3]]}), 422),
        ("/predict", "text/csv", "\n".join([",".join(NAMES), *(",".join(map(str, row)) for row in ROWS)]), 200),
        ("/predict", "text/csv", "\n".join([*(",".join(map(str, row)) for row in ROWS), "1,2,3,x"]), 422),
        (MODEL, JSON, json.dumps({"inputs": [TENSOR]}), 200),
        (MODEL, JSON, json.dumps({"inputs": [{**TENSOR, "data": [*NUMBERS, 1]}]}), 400),
    ],
    ids=["rows", "short row", "CSV", "CSV of text", "tensor", "long tensor"],
)
def test_answers_are_those_with_simdjson(server, monkeypatch, path, kind, body, status):
    """Valid and invalid bodies have the same status, values and problems."""
    expected = outcome(server.client.post(path, data=body, content_type=kind))
    monkeypatch.setattr(plain_numbers, "simdjson", None)

    found = outcome(server.client.post(path, data=body, content_type=kind))

    assert status == found[0]
    assert expected == found
