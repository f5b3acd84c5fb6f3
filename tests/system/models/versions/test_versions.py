"""Files of scikit-learn 1.3 to 1.8 are packed with one command each, and served with equal answers."""

import sys
from pathlib import Path

import pytest

from tests.system.models.versions.matrix import ENVIRONMENTS, MODELS, VERSIONS, fit_and_pack, run, served
from tests.system.models.versions.page import PAGE, line

pytestmark = pytest.mark.models


@pytest.fixture(scope="module", params=[pytest.param(each, marks=pytest.mark.xdist_group(each)) for each in VERSIONS])
def packed(request, tmp_path_factory):
    """Return the version, the folder of its files and bundles, and what the command said."""
    folder = tmp_path_factory.mktemp(request.param)
    return request.param, folder, fit_and_pack(request.param, folder)


def test_files_of_a_version_are_packed_and_served_equally(packed, serve):
    """By the command, which says what it does; the answers are those of the page, wherever the bundle is served.

    What does not compile is served over HTTP from the environment that `make serve` chooses.
    """
    version, folder, said = packed

    assert f"was written with scikit-learn {version}, and" in said
    assert f"served with scikit-learn {version}: `python -m model serve {folder / 'text-skops'}`" in said
    found = list(served(version, folder))
    assert list(MODELS) == [each.model for each in found]
    assert ["onnx"] * 4 + ["scikit-learn"] == [each.engine for each in found]
    assert max(each.difference for each in found) <= 1e-9
    assert [] == [each for each in map(line, found) if each not in PAGE.read_text()]

    programs = run(sys.executable, "-m", "model", "environment", folder / "text-skops").stdout.strip()
    assert Path(programs).is_relative_to(ENVIRONMENTS)
    server = serve(folder / "text-skops", python=f"{programs}/python")
    status, answer = server.predict({"features": ["a few short words"]})
    assert (200, "short") == (status, answer["prediction"])


def test_a_server_of_another_version_refuses_in_one_line(packed, launch):
    """It names what the bundle needs, and the commands that serve it."""
    version, folder, _ = packed
    server = launch(folder / "text-skops")

    assert server.process.wait(60) != 0
    (said,) = [each for each in server.errors.splitlines() if "version_mismatch" in each]
    assert f"was made with scikit-learn {version}, this server has" in said
    assert f"`make serve MODEL_DIR={folder / 'text-skops'}`" in said
