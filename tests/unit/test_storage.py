"""model.storage: how a bundle is fetched, whatever the place does meanwhile."""

import hashlib
import json
import shutil
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from model.bundle.manifest import read_bundle
from model.errors import (
    BundleCorrupt,
    BundleMissing,
    BundleNotSigned,
    BundleTooLarge,
    DigestMismatch,
    ModelError,
    NoRoom,
    NotInstalled,
    OutputRefused,
    StorageDenied,
    StorageUnavailable,
)
from model.storage.fetching import Fetch
from model.storage.places import Access
from model.storage.source import NotChanged
from model.storage.uris import ModelUri
from tests.bundles import part
from tests.conftest import ROOT
from tests.webfolder import Answer, WebFolder, serving

MOST = 1 << 30


@pytest.fixture
def place(iris_bundle, tmp_path):
    """Serve a copy of a bundle."""
    with serving(WebFolder(shutil.copytree(iris_bundle, tmp_path / "place"))) as web:
        yield web


@pytest.fixture
def fetch(place, tmp_path):
    """Make the fetch of it; `changed` are other fields than usual."""

    def make(uri=None, environ=None, seconds=20.0, most=MOST, **changed):
        access = Access(environ or {}, seconds)
        made = Fetch(ModelUri.of(uri or f"{place.url}/churn"), tmp_path / "here", access, most)
        return replace(made, **changed)

    return make


def same(folder, other):
    """Say whether two folders have the same files."""
    return {p.name: p.read_bytes() for p in folder.iterdir()} == {p.name: p.read_bytes() for p in other.iterdir()}


@pytest.mark.parametrize("kind", ["web", "plain web", "folder"])
def test_a_bundle_comes_whole_and_is_not_fetched_again(place, fetch, tmp_path, kind):
    """From a server with and without ranges and tags, and from a folder; nothing else is left in the directory."""
    place.ranges = place.tags = kind == "web"
    made = fetch(f"file://{place.folder}" if kind == "folder" else None)

    first, second = made.run(), made.run()

    assert (True, False, 0) == (first.replaced, second.replaced, second.received)
    assert sum(each.bytes for each in first.manifest.files.values()) == first.received
    assert same(place.folder, tmp_path / "here")


def test_an_answer_that_breaks_off_is_gone_on_with(place, fetch, tmp_path):
    """Each byte of a file is sent once, however often the connection breaks."""
    name = part(place.folder, "skops").name
    cuts = iter([3000, 2000, 100])
    place.fault = lambda asked, answer: replace(answer, cut=next(cuts, 0)) if asked == name else None

    fetch().run()

    assert same(place.folder, tmp_path / "here")
    assert (place.folder / name).stat().st_size == place.sent[name]


def test_what_an_interrupted_fetch_has_left_is_gone_on_with(place, fetch, tmp_path):
    """By another process, too: the name of a part is the digest that the file will have."""
    name = part(place.folder, "skops").name

    def break_off(asked, answer):
        if asked != name:
            return None
        return Answer(403) if place.sent[name] else replace(answer, cut=5000)

    place.fault = break_off
    with pytest.raises(StorageDenied):
        fetch().run()
    assert [".fetching"] == [path.name for path in (tmp_path / "here").iterdir()]

    place.fault = lambda _name, _: None
    received = fetch().run().received

    assert received < sum(path.stat().st_size for path in place.folder.glob("model-*"))
    assert (place.folder / name).stat().st_size == place.sent[name]
    assert same(place.folder, tmp_path / "here")


def test_a_part_of_something_else_is_thrown_away(place, fetch, tmp_path):
    """The digest decides, and the file is fetched again from its beginning."""
    file = part(place.folder, "skops")
    digest = read_bundle(place.folder).manifest.files[file.name].sha256
    stage = tmp_path / "here/.fetching"
    stage.mkdir(parents=True)
    (stage / f"{digest}.part").write_bytes(b"x" * 100)

    fetch().run()

    assert same(place.folder, tmp_path / "here")


@pytest.mark.parametrize(
    ("failures", "error"), [(2, None), (100, "503 Service Unavailable. 5 attempts failed; try again")]
)
def test_a_server_that_fails_is_asked_again_and_not_for_ever(place, fetch, failures, error):
    """Five times in a row, with pauses that grow."""
    count = iter(range(failures))
    place.fault = lambda name, _: Answer(503) if name == "manifest.json" and next(count, None) is not None else None
    made, found = fetch(), None

    try:
        made.run()
    except StorageUnavailable as failure:
        found = str(failure)

    assert bool(error) == bool(found)
    assert (error or "") in (found or "")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, StorageDenied), (403, StorageDenied), (404, BundleMissing), (410, BundleMissing), (418, StorageDenied)],
)
def test_what_will_not_change_is_said_at_once_and_without_secrets(place, fetch, tmp_path, status, kind):
    """One request; the message has the address, the status and what to do, but no password and no signature."""
    place.fault = lambda _name, _: Answer(status)
    uri = f"http://me:hidden@127.0.0.1:{place.port}/churn?sig=hidden"

    with pytest.raises(kind, match=f"127.0.0.1:{place.port}/churn/manifest.json.*{status}.*; ") as caught:
        fetch(uri).run()

    assert 1 == len(place.asked)
    assert "hidden" not in str(caught.value)
    assert not (tmp_path / "here").exists()


def test_user_and_query_go_with_each_request(place, fetch):
    """As shared access signatures and basic authentication need it."""
    fetch(f"http://me:word@127.0.0.1:{place.port}/churn?sig=1").run()

    assert {"/churn/manifest.json?sig=1"} <= {path for path, _ in place.asked}
    assert {"Basic bWU6d29yZA=="} == {headers["Authorization"] for _, headers in place.asked}
    assert all(path.endswith("?sig=1") for path, _ in place.asked)


def test_a_bundle_that_is_replaced_while_it_is_read_is_read_again(place, fetch, tmp_path):
    """The new one comes whole."""
    name = part(place.folder, "skops").name
    manifest, new = place.folder / "manifest.json", "model-0.skops"

    def swap(asked, answer):
        if asked == name and place.sent[name] == 0:
            (place.folder / new).write_bytes((place.folder / name).read_bytes())
            manifest.write_text(manifest.read_text().replace('"version": "1"', '"version": "2"').replace(name, new))
            (place.folder / name).write_bytes(b"another")
            return replace(answer, cut=5000)
        return None

    place.fault = swap

    assert "2" == fetch().run().manifest.version
    assert "2" == read_bundle(tmp_path / "here").manifest.version


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content[:-1] + b"x", "has sha256 .*, its manifest says"),
        (lambda content: content[:-9], "bytes, its manifest says"),
        (lambda content: content + b"x", "bytes, its manifest says"),
    ],
    ids=["changed", "short", "long"],
)
def test_a_file_that_its_manifest_does_not_vouch_for_is_refused(place, fetch, iris_bundle, tmp_path, change, words):
    """Nothing of it is put in place, and the bundle before stays."""
    fetch().run()
    before = read_bundle(tmp_path / "here").digest
    manifest = place.folder / "manifest.json"
    manifest.write_bytes(manifest.read_bytes() + b"\n")
    file = part(place.folder, "skops")
    file.write_bytes(change(file.read_bytes()))
    shutil.rmtree(tmp_path / "here")
    shutil.copytree(iris_bundle, tmp_path / "here")
    part(tmp_path / "here", "skops").unlink()

    with pytest.raises(BundleCorrupt, match=words):
        fetch().run()

    assert before == read_digest(tmp_path / "here")


def read_digest(folder):
    return hashlib.sha256((folder / "manifest.json").read_bytes()).hexdigest()


def test_a_manifest_may_not_name_what_lies_elsewhere(place, fetch):
    """Names are names in the folder: no path leads out of it."""
    manifest = place.folder / "manifest.json"
    name = part(place.folder, "skops").name
    manifest.write_text(manifest.read_text().replace(f'"{name}"', '"../secret.skops"'))

    with pytest.raises(BundleCorrupt, match="is not a manifest"):
        fetch().run()

    assert {"/churn/manifest.json", "/churn/model.sig"} == {path for path, _ in place.asked}


def test_bounds_hold_before_anything_is_fetched(place, fetch, tmp_path):
    """The size that is allowed, the room on the disk, the pin."""
    size = sum(path.stat().st_size for path in place.folder.iterdir())
    with pytest.raises(BundleTooLarge, match=f"has {size} bytes, more than FETCH_BYTES=1000"):
        fetch(most=1000).run()
    with pytest.raises(DigestMismatch, match="is pinned"):
        fetch(pin="0" * 64).run()
    manifest = place.folder / "manifest.json"
    bytes_of = part(place.folder, "skops").stat().st_size
    manifest.write_text(manifest.read_text().replace(f'"bytes": {bytes_of}', f'"bytes": {1 << 60}'))
    with pytest.raises(NoRoom, match=r"has room for .* bytes"):
        fetch(most=1 << 62).run()

    assert [] == [path for path, _ in place.asked if "model-" in path]
    assert not (tmp_path / "here").exists()


def test_a_pinned_bundle_that_is_there_needs_no_storage(place, fetch):
    """A server that starts again does not depend on it."""
    fetched = fetch().run()
    place.fault = lambda _name, _: Answer(503)
    count = len(place.asked)

    assert not fetch(pin=fetched.digest).run().replaced
    assert count == len(place.asked)


def test_a_directory_with_something_else_is_left_alone(fetch, tmp_path):
    """Only a bundle is replaced."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here/thesis.txt").touch()

    with pytest.raises(OutputRefused, match="is not a bundle"):
        fetch().run()


def test_only_signed_bundles_come_with_keys(place, fetch, tmp_path):
    """The signature beside the manifest is fetched with it, and verified before any model file is asked for."""
    key, public = tmp_path / "key.pem", tmp_path / "public.pem"
    curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
    subprocess.run(["openssl", "genpkey", *curve, "-out", key], check=True, capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, capture_output=True)
    with pytest.raises(BundleNotSigned):
        fetch(keys=public).run()
    assert [] == [path for path, _ in place.asked if "model-" in path]

    sign = [sys.executable, "-m", "model", "sign", place.folder, "--key", key]
    subprocess.run(sign, cwd=ROOT, check=True, capture_output=True)

    assert fetch(keys=public).run().replaced
    assert same(place.folder, tmp_path / "here")


def test_a_manifest_with_a_known_tag_is_not_read(place, fetch):
    """So that watching costs one small request."""
    tag = fetch().run().tag
    count = len(place.asked)

    with pytest.raises(NotChanged):
        fetch().run(unless=tag)
    assert 1 == len(place.asked) - count


def test_http_is_for_this_machine_unless_it_is_allowed(fetch):
    """Others on the way could change the model; nothing is sent, not even to find out."""
    with pytest.raises(StorageDenied, match="set ALLOW_HTTP=1"):
        fetch("http://models.invalid/churn").run()
    with pytest.raises(StorageDenied, match="set ALLOW_HTTP=1"):
        fetch("models:/churn/1", {"MLFLOW_TRACKING_URI": "http://mlflow.invalid:5000"}).run()
    with pytest.raises(StorageDenied, match="MLFLOW_TRACKING_URI: expected"):
        fetch("models:/churn/1").run()


@pytest.mark.parametrize("to", ["file:///etc/passwd", "ftp://127.0.0.1/x", "loop"])
def test_redirects_are_bounded(place, fetch, to):
    """To other schemes, and in circles."""
    place.fault = lambda name, _: Answer(302, {"Location": f"{place.url}/churn/{name}" if to == "loop" else to})

    with pytest.raises(ModelError, match=r"redirect|302"):
        fetch(seconds=2).run()

    assert len(place.asked) <= 20


def test_a_redirect_gets_no_credentials(place, fetch, iris_bundle, tmp_path):
    """They are for the server that is named."""
    with serving(WebFolder(iris_bundle)) as other:
        place.fault = lambda name, _: Answer(302, {"Location": f"{other.url}/{name}"})
        fetch(f"http://me:word@127.0.0.1:{place.port}/churn").run()

        assert {False} == {"Authorization" in headers for _, headers in other.asked}
    assert same(iris_bundle, tmp_path / "here")


class Mlflow:
    """What MLflow 3.17 answers of one version, and its artifacts."""

    def __init__(self, folder, below):
        self.artifacts, self.port, self.asked = WebFolder(folder), 0, []
        self._below = below

    def answer(self, path, headers):
        self.asked.append((path, headers))
        if path == "/api/2.0/mlflow/registered-models/alias?name=churn&alias=champion":
            return Answer(body=json.dumps({"model_version": {"name": "churn", "version": "7"}}).encode())
        if path == "/api/2.0/mlflow/model-versions/get-download-uri?name=churn&version=7":
            return Answer(body=json.dumps({"artifact_uri": "mlflow-artifacts:/0/run/artifacts"}).encode())
        if path.startswith(f"/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts{self._below}/"):
            return self.artifacts.answer(path, headers)
        return Answer(404)


@pytest.mark.parametrize("below", ["", "/bundle"])
@pytest.mark.parametrize("named", ["churn/7", "churn@champion"])
def test_a_version_of_a_registry_is_fetched(iris_bundle, fetch, tmp_path, named, below):
    """By its number or an alias; the bundle is all of its artifacts, or a folder of them."""
    with serving(Mlflow(iris_bundle, below)) as registry:
        environ = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{registry.port}/", "MLFLOW_TRACKING_TOKEN": "word"}
        fetch(f"models:/{named}", environ).run()

        assert {"Bearer word"} == {headers["Authorization"] for _, headers in registry.asked}
        with pytest.raises(BundleMissing, match="has no models:/churn/9"):
            fetch("models:/churn/9", environ).run()
    assert same(iris_bundle, tmp_path / "here")


def test_a_version_without_a_bundle_says_what_to_log(tmp_path, fetch):
    """A model of MLflow is no bundle."""
    (tmp_path / "MLmodel").touch()
    with serving(Mlflow(tmp_path, "")) as registry:
        environ = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{registry.port}"}
        with pytest.raises(BundleMissing, match=r"have no manifest\.json and no bundle/manifest\.json; log the bundle"):
            fetch("models:/churn/7", environ).run()


def test_without_the_extra_one_line_says_so(fetch, monkeypatch):
    """The default image has no client of object storage."""
    monkeypatch.setitem(sys.modules, "obstore.store", None)

    with pytest.raises(NotInstalled, match="install the extra `storage`"):
        fetch("s3://bucket/churn").run()


def test_a_fetch_ends_in_its_time(place, fetch):
    """Whatever the server does."""
    place.fault = lambda _name, _: Answer(503)
    start = time.monotonic()

    with pytest.raises(StorageUnavailable, match="No time is left"):
        fetch(seconds=0.1).run()
    assert time.monotonic() - start < 10
