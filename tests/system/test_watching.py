"""WATCH_SECONDS: what is put into MODEL_DIR is served without a signal."""

import os
import shutil
import signal
import subprocess
import sys

from tests.bundles import part
from tests.conftest import ROOT
from tests.keys import make_key
from tests.system.conftest import PACK_VERSION, eventually

WATCHED = {"WEB_CONCURRENCY": "1", "WATCH_SECONDS": "0.2"}


def serves(server, version):
    """Wait until the server answers with a version of the model; fails when it does not come to that."""
    return eventually(lambda: server.model()["version"] == version, f"version {version}")


def test_a_bundle_that_is_replaced_by_a_rename_is_served(serve, iris_bundle, second, tmp_path):
    """Both ways: the folder, or a link to it."""
    for name, put in (("folder", shutil.copytree), ("link", lambda bundle, path: path.symlink_to(bundle))):
        path = tmp_path / name
        put(iris_bundle, path)
        server = serve(path, **WATCHED)
        put(second, tmp_path / "new")
        if name == "folder":
            path.rename(tmp_path / "old")
        (tmp_path / "new").replace(path)
        assert serves(server, "2")


def test_a_bundle_that_is_packed_into_the_directory_is_reloaded_once(serve, iris_bundle, run_python, tmp_path):
    """Not for what comes before its manifest, nor for what goes after it."""
    path = shutil.copytree(iris_bundle, tmp_path / "bundle")
    server = serve(path, **WATCHED)
    for version in ("2", "3"):
        run_python(PACK_VERSION, version, path)
        assert serves(server, version)

    eventually(lambda: server.metric("model_reloads_total") == 2, "the end of both reloads")
    assert 2 == server.errors.count("has changed")


def link(volume, bundle):
    for path in bundle.iterdir():
        if not (volume / path.name).is_symlink():
            (volume / path.name).symlink_to(f"..data/{path.name}")


def test_a_kubernetes_volume_is_followed(serve, iris_bundle, second, tmp_path):
    """Its files are links through one link, which is replaced in one step; links for further files come after it."""
    volume = tmp_path / "volume"
    volume.mkdir()
    shutil.copytree(iris_bundle, volume / "..1")
    shutil.copytree(second, volume / "..2")
    (volume / "..data").symlink_to("..1")
    link(volume, iris_bundle)
    server = serve(volume, **WATCHED)
    assert serves(server, "1")

    (volume / "..data_tmp").symlink_to("..2")
    (volume / "..data_tmp").replace(volume / "..data")
    link(volume, second)

    assert serves(server, "2")


def test_a_bundle_that_is_half_written_is_not_served_until_it_is_whole(serve, iris_bundle, second, tmp_path):
    """The old model stays, a line says why, and nothing has to be done when the rest has come."""
    path = shutil.copytree(iris_bundle, tmp_path / "bundle")
    server = serve(path, **WATCHED)
    skops = part(second, "skops")
    for name in ("manifest.json", part(second, "onnx").name):
        shutil.copy(second / name, path)
    eventually(lambda: "is not served, the old one stays: bundle_missing" in server.errors, "a line about it")
    assert serves(server, "1")

    content = skops.read_bytes()
    with (path / skops.name).open("wb") as file:
        file.write(content[:1000])
        file.flush()
        eventually(lambda: "the old one stays: bundle_corrupt" in server.errors, "another line about it")
        file.write(content[1000:])

    assert serves(server, "2")


def test_the_process_that_watches_is_started_again(serve, iris_bundle, second, tmp_path):
    """Whatever ends it; a line says so."""
    path = shutil.copytree(iris_bundle, tmp_path / "bundle")
    server = serve(path, **WATCHED)
    (watcher,) = set(server.children()) - set(eventually(server.workers, "workers"))
    os.kill(watcher, signal.SIGKILL)
    eventually(lambda: "the process that watches MODEL_DIR has gone" in server.errors, "a line about it")
    shutil.copytree(second, path, dirs_exist_ok=True)

    assert serves(server, "2")
    assert 0 == server.metric("workers_lost_total")


def test_a_bundle_is_served_once_it_is_signed(serve, iris_bundle, second, tmp_path):
    """With MODEL_SIGNATURE_KEY: until then the old model stays, and a line and the metric say why."""
    private, public = make_key(tmp_path)

    def sign(bundle):
        command = [sys.executable, "-m", "model", "sign", bundle, "--key", private]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)

    path = shutil.copytree(iris_bundle, tmp_path / "bundle")
    sign(path)
    server = serve(path, MODEL_SIGNATURE_KEY=str(public), **WATCHED)
    assert serves(server, "1")

    for file in second.iterdir():
        shutil.copy(file, path)
    eventually(lambda: "is not served, the old one stays: bundle_not_signed" in server.errors, "a line about it")
    assert serves(server, "1")
    assert 1 <= server.metric('model_reloads_total{outcome="failed"}')

    sign(path)
    assert serves(server, "2")
