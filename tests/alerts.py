"""The rules of deploy/prometheus, their tests and the runbook, as files."""

import re
from functools import cache
from typing import Any

import yaml

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy/prometheus"
RULE_FILES = sorted((DEPLOY / "rules").glob("*.yml"))
TEST_FILES = sorted((DEPLOY / "tests").glob("*.yml"))
RUNBOOK = (ROOT / "docs/runbook.md").read_text()
# A metric or a recorded series of ours, with the labels that it is narrowed by.
SELECTOR = re.compile(r"\b(?:\w+:)?mlservice[_:][\w:]+(?:\{[^}]*\})?")


@cache
def rules() -> list[dict[str, Any]]:
    """Return the rules of all files."""
    files = [yaml.safe_load(path.read_text()) for path in RULE_FILES]
    return [rule for file in files for group in file["groups"] for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Return the rules that alert."""
    return [rule for rule in rules() if "alert" in rule]


@cache
def cases() -> set[tuple[str, bool]]:
    """Return the alert of each case of the tests for promtool, and whether it fires there."""
    tests = [test for path in TEST_FILES for test in yaml.safe_load(path.read_text())["tests"]]
    return {(case["alertname"], bool(case["exp_alerts"])) for test in tests for case in test["alert_rule_test"]}


def runbook_sections() -> dict[str, str]:
    """Return the text of each section of the runbook by its heading."""
    _, *sections = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)
    return {heading: text for heading, _, text in (section.partition("\n") for section in sections)}


def queries(markdown: str) -> list[str]:
    """Return the queries in the blocks of a page: a line that begins with a word, not an operator, begins one."""
    blocks = re.findall(r"```promql\n(.*?)\n```", markdown, re.DOTALL)
    return [query for block in blocks for query in re.split(r"\n(?!and |or |unless )(?=\w)", block)]
