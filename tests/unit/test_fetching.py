"""What a forked process hands over: all there is to load, so that no file is touched afterwards."""

import hashlib
import shutil
import subprocess
import sys

import pytest

from model.loading import verify
from service.config.settings import Settings
from service.serving.fetch import NotFetched, Trial, fetch, load_fetched
from tests.conftest import ROOT
from tests.unit.test_untrusted_models import OWN, USE


@pytest.mark.parametrize("engine", ["auto", "scikit-learn"])
def test_what_was_fetched_is_loaded_though_its_files_are_gone(iris_bundle, tmp_path, engine):
    """The model, and who may ask."""
    bundle, tokens = shutil.copytree(iris_bundle, tmp_path / "bundle"), tmp_path / "tokens"
    tokens.write_text(hashlib.sha256(b"secret").hexdigest())
    settings = Settings.from_env({"MODEL_DIR": str(bundle), "TOKENS_FILE": str(tokens), "ENGINE": engine})

    fetched = fetch(settings, Trial(60))
    shutil.rmtree(bundle)
    tokens.unlink()

    served = load_fetched(settings, fetched)
    verify(served.loaded)
    assert "iris" == served.contract.identity.name
    assert {hashlib.sha256(b"secret").digest(): ""} == fetched.hashes


def test_the_operators_code_is_fetched_too(tmp_path):
    """A model of the operator's own types."""
    code, bundle = tmp_path / "code", tmp_path / "bundle"
    code.mkdir()
    (code / "own_code.py").write_text(OWN)
    subprocess.run([sys.executable, "-c", USE, str(code), str(bundle)], cwd=ROOT, check=True)
    settings = Settings.from_env({"MODEL_DIR": str(bundle), "MODEL_CODE": str(code)})

    fetched = fetch(settings, Trial(60))
    shutil.rmtree(code)

    verify(load_fetched(settings, fetched).loaded)
    assert str(code) not in sys.path


@pytest.mark.parametrize(
    ("name", "value", "code", "reason"),
    [
        ("MODEL_DIR", "nowhere", "bundle_missing", "nowhere/manifest.json"),
        ("MODEL_SHA256", "0" * 64, "digest_mismatch", ""),
        ("TOKENS_FILE", "nowhere", "bad setting", "TOKENS_FILE=nowhere: "),
        ("LOG_REDACT", "nothing", "bad setting", "LOG_REDACT=nothing: "),
    ],
)
def test_what_cannot_be_served_is_refused_by_its_code(iris_bundle, name, value, code, reason):
    """In one line."""
    with pytest.raises(NotFetched, match=f"^{reason}.*$") as caught:
        fetch(Settings.from_env({"MODEL_DIR": str(iris_bundle), name: value}), Trial(60))

    assert code == caught.value.code


def test_what_hangs_or_crashes_is_refused(iris_bundle):
    """It is given up when it has had its time."""
    with pytest.raises(NotFetched, match=r"^it hangs, or crashes") as caught:
        fetch(Settings.from_env({"MODEL_DIR": str(iris_bundle)}), Trial(0))

    assert "boot_failed" == caught.value.code
