"""`pack` and `environment` for files and bundles of another scikit-learn version; what is said where none is made."""

import itertools
import json
import pickle
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import sklearn
from sklearn.cluster import KMeans

from model.environments.pins import SKLEARN
from model.environments.serving import main as print_release
from model.environments.serving import sklearn_needed
from model.missing import IMPORTED
from tests.conftest import ROOT

HERE = sklearn.__version__
PACK = f"""
import runpy, sys
sys.path.insert(0, {str(ROOT)!r})
sys.argv = ["model", "pack"]
runpy.run_module("model", run_name="__main__")
"""


def file_of(version, path):
    path.write_bytes(pickle.dumps(KMeans()).replace(HERE.encode(), version.encode()))
    return path


def test_without_an_environment_the_commands_are_said(run, tmp_path):
    """All of them, with the versions that go together, and the arguments as they were given."""
    path = file_of("1.6.1", tmp_path / "a model.pkl")

    code, _, err = run("pack", path, "--no-env", "--output", tmp_path / "out")

    assert 1 == code
    assert f"version_mismatch: {path} was written with scikit-learn 1.6.1, and {HERE} is here" in err
    assert re.search(r"python3\.11 -m venv scikit-learn-1\.6\.1 && \S+/pip install .*numpy==2\.2\.6", err)
    command = err[err.index("PYTHONPATH=") :].strip()
    assert [f"PYTHONPATH={ROOT}", "scikit-learn-1.6.1/bin/python", "-m", "model", "pack", str(path)] == shlex.split(
        command
    )[:6]
    assert not (tmp_path / "out").exists()


def test_the_commands_are_the_same_where_the_program_is_installed(run, tmp_path):
    """Its own name takes the place of `python -m model` in what it says, and not in commands of another Python."""
    path = file_of("1.6.1", tmp_path / "m.pkl")

    _, _, by_hand = run("pack", path, "--no-env", ML_SERVICE_PROGRAM="ml-service")
    _, missing, _ = run("check", tmp_path, ML_SERVICE_PROGRAM="ml-service")

    assert "scikit-learn-1.6.1/bin/python -m model pack" in by_hand
    assert "make one with `ml-service pack`" in run("inspect", tmp_path, ML_SERVICE_PROGRAM="ml-service")[2]
    assert "make one with `ml-service pack`" in missing
    assert "m.pkl is a file, and no bundle" in run("inspect", path, ML_SERVICE_PROGRAM="ml-service")[2]


def test_where_none_can_be_made_the_reason_and_the_commands_are_said(run, tmp_path):
    """One line: what failed, and how to do it by hand."""
    (tmp_path / "file").touch()

    code, _, err = run("pack", file_of("1.6.1", tmp_path / "m.pkl"), "--environments", tmp_path / "file")

    assert 1 == code
    assert re.search(r"there is no environment of it: .* cannot be written .*; by hand: python3\.11 -m venv", err)


@pytest.mark.parametrize(
    ("version", "message"), [("0.9.9", "files of 1.3 and later"), ("2.7.3", "no packages are pinned for scikit-learn")]
)
def test_a_version_that_nothing_is_known_of_is_named(run, tmp_path, version, message):
    """One that is too old, and one that is newer than this checkout."""
    code, _, err = run("pack", file_of(version, tmp_path / "m.pkl"), MODEL_ENVIRONMENTS=str(tmp_path / "envs"))

    assert 1 == code
    assert f"was written with scikit-learn {version}, and {HERE} is here" in err
    assert message in err


def rewrite(bundle, **members):
    path = bundle / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **members}))
    return bundle


def test_a_bundle_needs_its_scikit_learn_unless_it_is_compiled(iris_bundle, tmp_path, capfd):
    """The image is built for what is printed; for a compiled bundle and for none, nothing is."""
    bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
    assert None is sklearn_needed(bundle)
    assert HERE == sklearn_needed(bundle, compiled=False)

    rewrite(bundle, compiled=None, requires=["xgboost==3.2.0", f"{SKLEARN}==1.6.1"])
    assert 0 == print_release([str(bundle)])
    assert "1.6.1\n" == capfd.readouterr().out

    rewrite(bundle, requires=None, made_with={SKLEARN: "1.99.0"})
    assert 1 == print_release([str(bundle)])
    assert "no pins of scikit-learn 1.99.0" in capfd.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", '{"requires": 1}', '{"made_with": {}}'])
def test_what_is_no_bundle_needs_nothing(tmp_path, content):
    """The server says what is wrong with it."""
    assert None is sklearn_needed(tmp_path)

    (tmp_path / "manifest.json").write_text(content)
    assert None is sklearn_needed(tmp_path)


def test_this_environment_serves_what_it_can(run, iris_bundle, tmp_path):
    """`environment` prints where its own programs are, also for a bundle that is not there."""
    here = f"{Path(sys.executable).parent}\n"

    assert (0, here, "") == run("environment", iris_bundle)
    assert (0, here, "") == run("environment", MODEL_DIR=str(tmp_path))
    assert (0, here, "") == run("environment", iris_bundle, ENGINE="scikit-learn")


def test_missing_packages_are_named_with_the_command_that_installs_them():
    """In the user's own environment, one line: here one without any package."""
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            PACK,
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == done.returncode
    assert re.fullmatch(
        r"ml-service: error: \S+ has no click>=8.4, scikit-learn, numpy, .*: \S+ -m pip install 'click.*\n", done.stderr
    )


def test_the_packages_that_are_named_are_those_of_pyproject():
    """With the same bounds, where these say what works; other versions of scikit-learn, numpy and pandas do, too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    stated = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]

    bounded = {each for each in IMPORTED.values() if re.search("[<>]", each)}
    assert bounded <= set(stated)
