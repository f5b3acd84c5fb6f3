"""model.storage: servers that answer what no server should."""

import pytest

from model.errors import ModelError
from model.storage.fetching import Fetch
from model.storage.places import Access
from model.storage.uris import ModelUri
from tests.webfolder import Answer, serving


class Server:
    """Answers every request alike."""

    def __init__(self, answer):
        self.port = 0
        self._answer = answer

    def answer(self, _path, _headers):
        return self._answer


@pytest.fixture
def fetch(tmp_path):
    """Fetch a bundle for at most a second."""

    def run(uri, environ):
        Fetch(ModelUri.of(uri), tmp_path / "here", Access(environ, seconds=1.0), most_bytes=1 << 20).run()

    return run


@pytest.mark.parametrize(
    "answer",
    [
        Answer(302, {"Location": "http://[::1/x"}),
        Answer(206, {"Content-Range": "bytes \xb2-5/9"}, b"x"),
        Answer(206, {"Content-Range": f"bytes {'9' * 5000}-5/9"}, b"x"),
        Answer(206, {"Content-Range": f"bytes 0-5/{'9' * 5000}"}, b"x"),
    ],
    ids=["a wrong address", "a superscript", "an offset of 5000 digits", "a size of 5000 digits"],
)
def test_a_server_that_answers_nonsense_is_refused_with_a_code(fetch, answer):
    """Headers may contain anything, and no error but a ModelError leaves a fetch."""
    with serving(Server(answer)) as server, pytest.raises(ModelError):
        fetch(f"http://127.0.0.1:{server.port}/churn", {})


@pytest.mark.parametrize(
    "answer",
    [
        Answer(body=b"[" * 100_000),
        Answer(body=b'{"model_version": []}'),
        Answer(headers={"Transfer-Encoding": "chunked"}, body=b"no chunk\r\n"),
    ],
    ids=["nested too deep", "another type", "no chunk"],
)
def test_a_registry_that_answers_nonsense_is_refused_with_a_code(fetch, answer):
    """The same holds for the JSON of a registry."""
    with serving(Server(answer)) as server, pytest.raises(ModelError):
        fetch("models:/churn@champion", {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{server.port}"})
