"""The pins of other scikit-learn versions, and the requirement files that they make."""

import re

import pytest

from model.environments.pins import blocks, known_versions, main, requirements
from tests.conftest import ROOT

TRAIN, SERVE = ROOT / "requirements-train.txt", ROOT / "requirements.txt"


def pinned(text):
    """Return the versions that each package is pinned to."""
    return {name: {version for other, version, _ in blocks(text) if other == name} for name, _, _ in blocks(text)}


def test_there_are_pins_of_every_minor_version_from_1_3_to_the_one_that_is_served():
    """The served one is among them: a newer server still makes environments of it."""
    minors = {version.rpartition(".")[0].removesuffix(".1") for version in known_versions()}
    (served,) = pinned(SERVE.read_text())["scikit-learn"]

    assert {f"1.{minor}" for minor in range(3, int(served.split(".")[1]) + 1)} <= minors
    assert served in known_versions()


@pytest.mark.parametrize("version", known_versions())
@pytest.mark.parametrize("base", [TRAIN, SERVE], ids=["packing", "serving"])
def test_a_version_takes_the_place_of_the_one_that_is_served(version, base):
    """One scikit-learn, every requirement with hashes, and every package of the file that it stands for."""
    made = requirements(version, base)

    assert {version} == pinned(made)["scikit-learn"]
    assert set(pinned(base.read_text())) <= set(pinned(made))
    assert all("--hash=sha256:" in lines for _, _, lines in blocks(made))
    assert made == "".join(lines for _, _, lines in blocks(made))


def test_a_server_of_another_version_has_no_more_packages():
    """What only packing needs, such as pandas, stays away from images."""
    assert set(pinned(SERVE.read_text())) == set(pinned(requirements("1.6.1", SERVE)))


def test_numpy_is_one_that_the_version_was_built_for():
    """scikit-learn 1.3 cannot be imported with numpy 2, and 1.8 takes it."""
    numpy = {version: pinned(requirements(version, TRAIN))["numpy"] for version in ("1.3.2", "1.8.0")}

    assert {"1.26.4"} == numpy["1.3.2"]
    assert all(each.startswith("2.") for each in numpy["1.8.0"])


def test_the_command_prints_the_file_or_says_which_versions_there_are(capsys):
    """The image is built from what it prints."""
    assert 0 == main(["1.6.1", str(SERVE)])
    assert re.search(r"^scikit-learn==1\.6\.1 ", capsys.readouterr().out, re.MULTILINE)

    assert 1 == main(["0.24.2", str(SERVE)])
    assert "there are no pins of scikit-learn 0.24.2, only of 1.3.0, " in capsys.readouterr().err
