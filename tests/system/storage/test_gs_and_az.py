"""MODEL_URI: what S3 is shown for in test_object_storage.py, as far as it may differ, with gs:// and az://."""

import base64

import pytest

from tests.badinput import ROW
from tests.bundles import part
from tests.system.conftest import eventually
from tests.system.storage.commands import fetch
from tests.system.storage.servers import KEY

pytestmark = pytest.mark.storage
OTHER_KEY = base64.b64encode(b"hidden, too").decode()


@pytest.mark.parametrize("bucket", ["gs", "az"], indirect=True)
def test_an_answer_that_breaks_off_is_gone_on_with(bucket, iris_bundle, tmp_path):
    """No byte comes twice, and what is put in place is what was uploaded."""
    bucket.upload(iris_bundle)
    file = part(iris_bundle, "skops")
    bucket.proxy.breaks = {file.name}

    code, said = fetch(bucket, tmp_path / "here")

    assert (0, set()) == (code, bucket.proxy.breaks), said
    assert file.stat().st_size == bucket.proxy.sent[file.name]
    assert {path.name: path.read_bytes() for path in iris_bundle.iterdir()} == {
        path.name: path.read_bytes() for path in (tmp_path / "here").iterdir() if path.is_file()
    }


@pytest.mark.parametrize("bucket", ["gs", "az"], indirect=True)
def test_the_server_fetches_its_model_before_it_starts(bucket, iris_bundle, second, serve, tmp_path):
    """It answers with that model, and with the next version once that is there."""
    bucket.upload(iris_bundle)
    environ = {**bucket.environ, "WATCH_SECONDS": "0.2", "WEB_CONCURRENCY": "1"}
    server = serve(str(tmp_path / "here"), MODEL_URI=bucket.uri, **environ)

    status, _ = server.predict({"features": ROW})

    assert (200, "iris") == (status, server.model()["name"])
    assert f"model iris 1 fetched from {bucket.uri}: " in server.errors

    bucket.upload(second)
    eventually(lambda: server.model()["version"] == "2", "version 2", 60)
    assert not any(secret in server.errors for secret in ("hidden", KEY))


@pytest.mark.parametrize(
    ("bucket", "environ", "expected"),
    [
        ("gs", {}, "bundle_missing: there is no {uri}/manifest.json (404 Not Found"),
        ("az", {}, "bundle_missing: there is no {uri}/manifest.json (404 Not Found"),
        ("gs", {"GOOGLE_ALLOW_HTTP": ""}, "storage_denied: {uri}/manifest.json: the endpoint is an http:// address; "),
        ("az", {"AZURE_ALLOW_HTTP": ""}, "storage_denied: {uri}/manifest.json: the endpoint is an http:// address; "),
        ("az", {"AZURE_STORAGE_ACCOUNT_KEY": OTHER_KEY}, "storage_denied: {uri}/manifest.json may not be read with "),
        ("az", {"AZURE_STORAGE_ACCOUNT_KEY": "hidden!"}, "storage_denied: {uri}: Invalid Access Key: "),
        ("gs", {"GOOGLE_SERVICE_ACCOUNT_KEY": "hidden!"}, "storage_denied: {uri}: "),
    ],
    ids=["gs missing", "az missing", "gs http", "az http", "az other key", "az no key", "gs no key"],
    indirect=["bucket"],
)
def test_what_fails_is_one_line_with_a_code(bucket, tmp_path, environ, expected):
    """It says what came and what to do."""
    code, said = fetch(bucket, tmp_path / "here", **environ)

    assert (1, 1) == (code, said.count("\n"))
    assert said.startswith(f"ml-service: {expected.format(uri=bucket.uri)}")
    assert not (tmp_path / "here").exists()
