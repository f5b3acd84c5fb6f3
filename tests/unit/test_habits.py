"""The files of habits: hosted CI, make's help, and the choice of tests that `make check` runs."""

import re
import subprocess

import pytest
import yaml

from tests.changed import affected
from tests.conftest import ROOT


def test_hosted_ci_runs_the_steps_of_the_ci_script():
    """Each `make` of .ci/run is a step of the workflow, and the workflow has no other."""
    script = re.findall(r"^make .*$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    last = [step["run"].removeprefix("sudo ") for step in jobs["image"]["steps"] if "run" in step]

    assert sorted(script) == sorted([*jobs["make"]["strategy"]["matrix"]["command"], *last])


def test_help_lists_every_target():
    """A target that is phony has a line of help, but for those that only prepare others."""
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    helped = set(re.findall(r"^([a-z0-9-]+):.*##", makefile, re.MULTILINE))

    assert helped <= phony
    assert {"chromium", "engine", "debootstrap", "java", "prometheus", "proxies", "wrk"} == phony - helped


def test_each_folder_of_system_tests_has_a_target():
    """`make test` runs the files of tests/system itself; who needs more than Python has a folder and a target."""
    makefile, home = (ROOT / "Makefile").read_text(), ROOT / "tests/system"
    folders = {path.relative_to(home).parts[0] for path in home.rglob("*/test_*.py")}

    assert set() == {folder for folder in folders if f"tests/system/{folder}" not in makefile}


@pytest.mark.parametrize("changed", ["service/config/settings.py", "tests/unit/test_settings.py"])
def test_a_change_is_checked_by_the_tests_that_import_it(changed):
    """Of a module that changed, or a test file that did; a page of docs/ changes what no test imports."""
    found = set(affected([changed]))

    assert "tests/unit/test_settings.py" in found
    assert "tests/unit/test_onnx_export.py" not in found
    assert set() == set(affected(["docs/settings.md"]))


def blocks(language):
    """Return the code blocks of CONTRIBUTING.md in a language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)


def apply_check(diff, *options):
    """Return what git says against applying a diff; nothing if it fits."""
    command = ["git", "apply", "--check", *options, "-"]
    return subprocess.run(command, input=diff, cwd=ROOT, capture_output=True, text=True, check=False).stderr


@pytest.mark.parametrize("diff", blocks("diff"))
def test_the_worked_examples_still_apply(diff):
    """The changes that CONTRIBUTING.md shows fit the code as it is, or are in it, for whoever tries them out."""
    assert "" in (apply_check(diff), apply_check(diff, "--reverse")), "update this diff in CONTRIBUTING.md"


@pytest.mark.parametrize("module", blocks("python"))
def test_the_worked_modules_can_be_imported(module):
    """What they import from the product is there."""
    exec(module, {})
