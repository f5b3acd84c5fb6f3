"""The files of habits: hosted CI does what .ci/run does, and make's help lists every target that a person calls."""

import re

import yaml

from tests.conftest import ROOT


def test_hosted_ci_runs_the_steps_of_the_ci_script():
    """Each `make` of .ci/run is a step of the workflow, and the workflow has no other."""
    script = re.findall(r"^(make [^$\n]*?)(?: DOCKER=.*)?$", (ROOT / ".ci/run").read_text(), re.MULTILINE)
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    last = [step["run"] for step in jobs["image"]["steps"] if "run" in step]

    assert script == [*jobs["make"]["strategy"]["matrix"]["command"], *last]


def test_help_lists_every_target():
    """A target that is phony has a line of help, but for those that only prepare others."""
    makefile = (ROOT / "Makefile").read_text().replace("\\\n", " ")
    phony = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    helped = set(re.findall(r"^([a-z-]+):.*##", makefile, re.MULTILINE))

    assert helped <= phony
    assert {"proxies", "wrk"} == phony - helped
