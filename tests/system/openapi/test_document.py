"""The document as such: OpenAPI 3.1, whatever the model and the settings, and that of the model that is served."""

import json
import shutil
import signal

import pytest

from tests.system.conftest import eventually
from tests.system.openapi.bundles import NAMES
from tests.system.openapi.settings import SETTINGS

pytestmark = pytest.mark.openapi


@pytest.mark.parametrize("name", NAMES)
def test_the_document_is_valid(serve, packed, validate, name):
    """It is OpenAPI 3.1, each schema in it is JSON Schema 2020-12, and each example fits its schema."""
    found = validate(serve(packed(name).bundle))

    assert [] == found["faults"]
    assert found["schemas"] > 20
    assert found["examples"] > 10


@pytest.mark.parametrize("name", SETTINGS)
def test_the_document_is_valid_with_settings(serve, packed, validate, name):
    """What operators can change of requests, answers and routes is in it, and it is as valid."""
    found = validate(serve(packed("mixed").bundle, **SETTINGS[name]))

    assert [] == found["faults"]


def test_the_document_is_valid_where_access_is_limited(serve_with_token, validate):
    """It says how to authenticate; and only a caller who does gets it."""
    server = serve_with_token("secret")
    found = validate(server, "secret")

    assert [] == found["faults"]
    with server.connect() as connection:
        assert 401 == connection.ask("GET", "/openapi.json")[0]


def test_the_document_follows_a_reload(serve, packed, tmp_path):
    """After SIGHUP it is the new model's, and the ETag of the old one does not match."""
    bundle = shutil.copytree(packed("iris").bundle, tmp_path / "served")
    server = serve(bundle, WEB_CONCURRENCY="1")

    def ask(**headers):
        with server.connect() as connection:
            return connection.ask("GET", "/openapi.json", **headers)

    _, headers, first = ask()
    old = headers["ETag"]
    assert (304, b"") == ask(**{"If-None-Match": old})[::2]
    before = server.workers()
    shutil.copytree(packed("mixed").bundle, bundle, dirs_exist_ok=True)
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(before), "new workers")

    status, headers, second = ask(**{"If-None-Match": old})
    assert 200 == status
    assert old != headers["ETag"]
    assert (True, False) == (b"sepal" in first, b"sepal" in second)
    assert "fare paid" in json.loads(second)["components"]["schemas"]["RowByName"]["properties"]
