"""Files of scikit-learn 1.3 to 1.8 are packed with one command each, and served with equal answers."""

import sys
from pathlib import Path

import pytest

from tests.system.conftest import DEADLINE
from tests.system.models.versions.matrix import ENVIRONMENTS, MODELS, VERSIONS, fit_and_pack, run, served
from tests.system.models.versions.page import PAGE, line

pytestmark = pytest.mark.models


@pytest.mark.parametrize("version", VERSIONS)
def test_files_of_a_version_are_packed_and_served_equally(version, serve, launch, tmp_path):
    """By the command, which says what it does; the answers are those of the page, wherever the bundle is served.

    What does not compile is served over HTTP from the environment that `make serve` chooses. A server of another
    version refuses it in one line, with what it needs and the commands that serve it.
    """
    said = fit_and_pack(version, tmp_path)

    assert f"was written with scikit-learn {version}, and" in said
    assert f"served with scikit-learn {version}: `python -m model serve {tmp_path / 'text-skops'}`" in said
    found = list(served(version, tmp_path))
    assert list(MODELS) == [each.model for each in found]
    assert ["onnx"] * 4 + ["scikit-learn"] == [each.engine for each in found]
    assert max(each.difference for each in found) <= 1e-9
    assert [] == [each for each in map(line, found) if each not in PAGE.read_text()]

    programs = run(sys.executable, "-m", "model", "environment", tmp_path / "text-skops").stdout.strip()
    assert Path(programs).is_relative_to(ENVIRONMENTS)
    server = serve(tmp_path / "text-skops", python=f"{programs}/python")
    status, answer = server.predict({"features": ["a few short words"]})
    assert (200, "short") == (status, answer["prediction"])

    refused = launch(tmp_path / "text-skops")
    assert refused.process.wait(DEADLINE) != 0
    (said,) = [each for each in refused.errors.splitlines() if "version_mismatch" in each]
    assert f"was made with scikit-learn {version}, this server has" in said
    assert f"`make serve MODEL_DIR={tmp_path / 'text-skops'}`" in said
