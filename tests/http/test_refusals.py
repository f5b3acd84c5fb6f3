"""Every error, in the shape of each protocol."""

import json
from collections import Counter

import pytest

from service.errors import TABLE, InvalidRows, Problem, ServiceError, describe
from tests.badinput import JSON, ROW
from tests.dialects import LENGTH, V2, post
from tests.dialecttable import INVOCATIONS, V1, VERTEX
from tests.http.conftest import Server
from tests.samples import samples

ROUTES = {
    "native": ("/predict", {"instances": [ROW]}),
    "v2": (V2, {"inputs": [{"name": "all", "datatype": "FP64", "shape": [1, 4], "data": ROW}]}),
    "v1": (V1, {"instances": [ROW]}),
    "vertex": (VERTEX, {"instances": [ROW]}),
    "invocations": (INVOCATIONS, {"instances": [ROW]}),
    "azure": ("/score", {"data": [ROW]}),
}
SETTINGS = {"MODEL_NAME": "case", "PREDICT_ROUTE": VERTEX, "HEALTH_ROUTE": "/healthz"}
KINDS = {(code, status) for code, (status, _) in TABLE.items()}


def said(protocol, answer):
    """Return the code and the words of an answer, having checked that it has the protocol's shape and no more."""
    if protocol == "native":
        document = json.loads(answer.data)
        assert "application/problem+json" == answer.content_type
        assert {"type", "title", "status", "detail", "code", "request_id"} <= set(document)
        return document["code"], document["detail"]
    if protocol == "invocations" and answer.status_code == 415:
        assert answer.content_type.startswith("text/plain")
        text = answer.data.decode()
    else:
        document = json.loads(answer.data)
        assert JSON == answer.content_type
        members = {"invocations": {"error_code", "message"}, "azure": {"message"}}.get(protocol, {"error"})
        assert members == set(document)
        text = document["message" if "message" in members else "error"]
    code, _, words = text.partition(": ")
    return code, words


@pytest.fixture(scope="module")
def server(iris_bundle):
    return Server(iris_bundle, **SETTINGS, MAX_BODY_BYTES="2000", MAX_ROWS="5")


class Failing:
    """An engine that raises the error that it is given."""

    name = "failing"

    def __init__(self, error):
        self.error = error

    def predict(self, rows, further=()):
        raise self.error


@pytest.fixture(scope="module")
def failing(iris_bundle):
    """Make a server whose engine tests replace by one that fails."""
    return Server(iris_bundle, **SETTINGS)


def counts(server, **labels):
    """Return how many requests with these labels were counted, by code."""
    counted = samples(server.metrics, "requests_total")
    return Counter({found["code"]: number for found, number in counted if labels.items() <= found.items()})


def errors():
    """Give an error of each code: rows that are wrong, or another exception."""
    for code, (status, _) in TABLE.items():
        if code == "internal_error":
            yield code, RuntimeError("secret")
        elif status == 422:
            yield code, InvalidRows((Problem(code, "/x", "this", "that"),))
        else:
            yield code, ServiceError(code, "words", {"X-Header": "value"})


@pytest.mark.parametrize("protocol", ROUTES)
@pytest.mark.parametrize(("code", "error"), list(errors()), ids=lambda value: value if isinstance(value, str) else "")
def test_every_error_has_the_shape_of_its_protocol(failing, protocol, code, error):
    """Whatever goes wrong, a client of the protocol finds what it looks for; counted and logged by the same code."""
    failing.compute_with(Failing(error))
    path, document = ROUTES[protocol]
    question = post(path, document)
    status = TABLE[code][0]
    answered = 400 if status == 422 and protocol != "native" else status
    of_class = {"protocol": protocol, "status": f"{answered // 100}xx"}
    lines, before = len(failing.lines), counts(failing, **of_class)

    answer = failing.client.post(question.path, data=question.body, headers=question.headers)

    assert answered == answer.status_code
    found, words = said(protocol, answer)
    assert code == found
    assert describe(error).message == words
    assert b"secret" not in answer.data
    assert describe(error).headers.items() <= dict(answer.headers).items()
    assert [code] == [line["code"] for line in failing.logged()[lines:]]
    assert {code: 1} == counts(failing, **of_class) - before


BIG = b" " * 2001
# Where the rows are in a request of each protocol, and what says how many there are.
ROWS = dict.fromkeys(("native", "v1", "vertex", "invocations"), "/instances") | {"v2": "/inputs", "azure": "/data"}
COUNTS = ROWS | {"v2": "/inputs/0/shape"}
ASKED = [
    ("not_found", lambda path: ("POST", path + "/nothing", b"", JSON)),
    ("method_not_allowed", lambda path: ("PUT", path, b"", JSON)),
    ("body_too_large", lambda path: ("POST", path, BIG, JSON)),
    ("unsupported_media_type", lambda path: ("POST", path, b"x", "application/x-pickle")),
    ("invalid_json", lambda path: ("POST", path, b"[NaN]", JSON)),
    ("duplicate_name", lambda path: ("POST", path, None, JSON)),
    ("too_many_rows", lambda path: ("POST", path, ..., JSON)),
]


@pytest.mark.parametrize("protocol", ROUTES)
@pytest.mark.parametrize(("code", "ask"), ASKED, ids=lambda value: value if isinstance(value, str) else "")
def test_what_a_client_may_do_wrong_is_refused_in_the_shape_of_its_protocol(server, protocol, code, ask):
    """The same for what is found before the body is read, and in it."""
    path, document = ROUTES[protocol]
    method, path, body, kind = ask(path)
    if body is None:
        body = json.dumps(document).encode()
        body = body[:-1] + b"," + body[1:]
    if body is ...:
        rows = {"inputs": [{"name": "all", "datatype": "FP64", "shape": [6, 4], "data": ROW * 6}]}
        body = json.dumps(rows if protocol == "v2" else {name: [ROW] * 6 for name in document}).encode()

    answer = server.client.open(path, method=method, data=body, content_type=kind)

    expected = TABLE[code][0]
    assert (400 if expected == 422 and protocol != "native" else expected) == answer.status_code, answer.data
    found, words = said(protocol, answer)
    assert code == found
    pointer = {"duplicate_name": ROWS, "too_many_rows": COUNTS}.get(code, {}).get(protocol, "")
    assert words.startswith(f"{pointer}: " if pointer else "")
    assert 0 == server.metric("requests_total", protocol=protocol, code="ok")


@pytest.mark.parametrize(
    "path",
    [
        *("/v2/models/other/infer", "/v2/models/case/versions/2/infer", "/v1/models/other:predict"),
        *("/v1/models/case/versions/2:predict", "/v2/models/other", "/v2/models/case/versions/9"),
        *("/v2/models/other/ready", "/v1/models/other", "/v1/models/case/versions/9", "/v2/models/other/stats"),
    ],
)
def test_another_model_or_version_is_404(server, path):
    """What is not served is not found, in the protocol's shape."""
    method = "POST" if path.endswith(("infer", "predict")) else "GET"

    answer = server.client.open(path, method=method, data=b"{}", content_type=JSON)

    assert (404, "unknown_model") == (answer.status_code, said(path[1:3], answer)[0])


TENSOR = {"name": "all", "datatype": "FP64", "shape": [1, 4], "data": ROW}
MALFORMED = [
    ({"inputs": []}, "/inputs"),
    ({"inputs": [1]}, "/inputs/0"),
    ({"id": 7}, "/id"),
    ({"parameters": 1}, "/parameters"),
    ({"outputs": [{"name": "x"}]}, "/outputs/0/name"),
    ({"outputs": [{"name": "predict"}, {"name": "predict"}]}, "/outputs/1/name"),
    ({"outputs": [{"name": "predict", "parameters": {"classification": 1}}]}, "/outputs/0/parameters/classification"),
    ({"parameters": {"binary_data_output": "yes"}}, "/parameters/binary_data_output"),
]
MALFORMED_TENSORS = [
    ({"name": 1}, "/inputs/0/name"),
    *(
        ({"shape": shape}, "/inputs/0/shape")
        for shape in ([-1, 4], [True, 4], [], 4, [1, 2.0], [10**9, 4], [10**40, 4], [2, 2], [4])
    ),
    *(({"datatype": datatype}, "/inputs/0/datatype") for datatype in ("FP8", 1)),
    *(({"data": data}, "/inputs/0/data") for data in (1, [1, 2], [[1, 2], [3]])),
    *(({"data": data}, "/inputs/0/data/0") for data in (["x", 1, 2, 3], [True, 1, 2, 3])),
    ({"parameters": {"binary_data_size": 8}}, "/inputs/0/parameters/binary_data_size"),
]


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        *(({"inputs": [TENSOR]} | change, pointer) for change, pointer in MALFORMED),
        *(({"inputs": [TENSOR | change]}, pointer) for change, pointer in MALFORMED_TENSORS),
    ],
)
def test_a_malformed_v2_request_says_where(server, document, pointer):
    """Each member of a request is checked; the answer points at the one that is wrong."""
    answer = server.client.post(V2, json=document)

    assert (400, pointer) == (answer.status_code, said("v2", answer)[1].partition(":")[0])


@pytest.mark.parametrize("length", ["-1", "x", "99999", "1e3", "9" * 30])
def test_a_header_length_that_lies_is_refused(server, length):
    """The JSON part is as long as the header says, or the body is refused."""
    answer = server.client.post(V2, data=b"{}", headers={LENGTH: length})

    assert (400, "invalid_body") == (answer.status_code, said("v2", answer)[0])
