"""An environment of another scikit-learn is made once, whole, and by one process; what cannot be made says why."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from model.environments.making import python_of
from model.errors import VersionMismatch

OWN = ".".join(map(str, sys.version_info[:2]))
# Notes what it is asked, and makes what the real one makes, as far as it is looked at.
UV = """#!/bin/sh
echo "$@" >> {log}
case "$1 $2" in
  "venv --clear") for last; do [ "$last" = --quiet ] || place=$last; done
    case "$*" in *"--python 3.99"*) echo "error: no download" >&2; exit 2;; esac
    rm -rf "$place"; mkdir -p "$place/bin"; touch "$place/bin/python";;
  "pip install") sleep {seconds}; [ -z "{fails}" ] || {{ echo "error: {fails}" >&2; exit 1; }};;
esac
"""


class Uv:
    """A stand-in for uv, and what it was asked."""

    def __init__(self, folder, fails="", seconds="0"):
        self.log, self.path = folder / "log", folder / "uv"
        self.path.write_text(UV.format(log=self.log, fails=fails, seconds=seconds))
        self.path.chmod(0o755)

    @property
    def asked(self):
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def said():
    return []


def test_it_is_made_once_with_hashes_and_then_found(tmp_path, said):
    """The second call asks uv nothing; only wheels are installed, with hashes, from the pins of that release."""
    uv = Uv(tmp_path)

    places = {python_of("1.6.1", None, tmp_path / "envs", said.append, str(uv.path)) for _ in range(2)}

    (python,) = places
    venv, install = uv.asked
    assert f"venv --clear --python {sys.executable} {python.parent.parent} --quiet" == venv
    assert re.match(r"pip install --require-hashes --only-binary :all: --python \S+ -r \S+ --quiet", install)
    assert "scikit-learn==1.6.1 " in (python.parent.parent / "requirements.txt").read_text()
    assert [f"making an environment of scikit-learn 1.6.1, once, in {python.parent.parent}"] == said


def test_one_that_was_left_half_made_is_made_anew(tmp_path, said):
    """A failure, or the end of the process, leaves an environment that nobody uses."""
    with pytest.raises(VersionMismatch, match="no route to host"):
        python_of("1.6.1", None, tmp_path / "envs", said.append, str(Uv(tmp_path, fails="no route to host").path))

    uv = Uv(tmp_path)
    assert python_of("1.6.1", None, tmp_path / "envs", said.append, str(uv.path)).exists()
    assert 2 == sum(line.startswith("pip install") for line in uv.asked)


def test_one_whose_python_is_gone_is_made_anew(tmp_path, said):
    """An upgrade of the system may remove the Python that an environment links to."""
    uv = Uv(tmp_path)
    python_of("1.6.1", None, tmp_path / "envs", said.append, str(uv.path)).unlink()

    assert python_of("1.6.1", None, tmp_path / "envs", said.append, str(uv.path)).exists()
    assert 2 == sum(line.startswith("venv") for line in uv.asked)


def test_two_at_once_make_one(tmp_path, said):
    """The second waits until the first has made it, and says so."""
    uv = Uv(tmp_path, seconds="0.5")
    with ThreadPoolExecutor() as pool:
        made = [pool.submit(python_of, "1.6.1", None, tmp_path / "envs", said.append, str(uv.path)) for _ in range(2)]
        first, second = (each.result() for each in made)

    assert first == second
    assert 2 == len(uv.asked)
    assert any("waiting for another process" in line for line in said)


def test_releases_and_pythons_have_environments_of_their_own(tmp_path, said):
    """Each in its own place; a Python too old for this project counts for nothing."""
    uv = Uv(tmp_path)
    asked = [("1.6.1", None), ("1.6.0", None), ("1.6.1", "3.98.1"), ("1.6.1", "3.9.1"), ("1.6.1", OWN)]

    made = [python_of(*each, tmp_path / "envs", said.append, str(uv.path)) for each in asked]

    assert 3 == len({*made[:3]})
    assert {made[0]} == {*made[3:]}
    assert any("--python 3.98 " in line for line in uv.asked)


def test_a_python_that_cannot_be_had_is_replaced_by_this_one(tmp_path, said):
    """What uv says of it is passed on."""
    assert python_of("1.6.1", "3.99", tmp_path / "envs", said.append, str(Uv(tmp_path).path)).exists()
    assert "there is no Python 3.99 to be had (error: no download): taking this one" == said[-1]


def test_a_release_without_pins_and_a_folder_that_cannot_be_written_are_named(tmp_path, said):
    """Nothing is made for either."""
    with pytest.raises(VersionMismatch, match=r"no packages are pinned for scikit-learn 1\.6\.99"):
        python_of("1.6.99", None, tmp_path / "envs", said.append)

    (tmp_path / "file").touch()
    with pytest.raises(VersionMismatch, match="cannot be written"):
        python_of("1.6.1", None, tmp_path / "file", said.append)
