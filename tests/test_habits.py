"""How tests are written: they do not return early, assert without conditions, and use nothing private of ours."""

import ast
import functools
import re
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
CONDITIONS = (ast.If, ast.Match, ast.ExceptHandler)


# Tests of what libraries keep privately: the names are theirs, and ours by chance.
LIBRARIES = {
    "tests/unit/test_array_audit.py",
    "tests/unit/test_array_audit_estimators.py",
    "tests/unit/test_metric_files.py",
}


@functools.cache
def private_names() -> set[str]:
    """Return the private attributes that the product's classes and modules define."""
    sources = [path.read_text() for room in ("model", "service") for path in (ROOT / room).rglob("*.py")]
    pattern = r"(?:\bself\.|\bdef |\bclass |^)(_[a-z]\w*)"
    return {name for source in sources for name in re.findall(pattern, source, re.MULTILINE | re.IGNORECASE)}


def own_nodes(test: ast.FunctionDef) -> Iterator[tuple[ast.AST, bool]]:
    """Yield what a test does itself, and whether only on a condition; what it defines is another function's."""
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in test.body]
    while waiting:
        node, conditional = waiting.pop()
        if not isinstance(node, FUNCTIONS):
            yield node, conditional
            inner = conditional or isinstance(node, CONDITIONS)
            waiting += [(child, inner) for child in ast.iter_child_nodes(node)]


def faults_of_tests(tree: ast.AST) -> Iterator[str]:
    for test in ast.walk(tree):
        if isinstance(test, ast.FunctionDef) and test.name.startswith("test_"):
            for node, conditional in own_nodes(test):
                if isinstance(node, ast.Return):
                    yield f"{node.lineno} returns early"
                if isinstance(node, ast.Assert) and conditional:
                    yield f"{node.lineno} asserts on a condition only"


def faults(source: str, private: set[str]) -> list[str]:
    """Return what a test file does that it should not, by line."""
    tree = ast.parse(source)
    found = list(faults_of_tests(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            if ast.unparse(node) == "object.__setattr__":
                found.append(f"{node.lineno} sets what is frozen")
            elif node.attr in private and owner not in {"self", "cls", "os"}:
                found.append(f"{node.lineno} touches {node.attr}")
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in {"model", "service"}:
            found += [f"{node.lineno} imports {each.name}" for each in node.names if each.name.startswith("_")]
    return found


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_have_one_end_and_stand_on_behaviour(path):
    """No test returns early or asserts in a branch, and none reads or sets a private attribute of the product."""
    private = set() if str(path.relative_to(ROOT)) in LIBRARIES else private_names()

    assert [] == faults(path.read_text(), private)


def test_every_test_file_says_what_it_is_about():
    """In its docstring: the module, or the behaviour."""
    files = {path: path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}

    assert [] == [str(path) for path, source in files.items() if not re.match(r'""".', source)]


@pytest.mark.parametrize(
    "source",
    [
        "def test_a():\n    if x:\n        return\n    assert y",
        "def test_a():\n    for x in y:\n        if x:\n            assert z",
        "def test_a():\n    try:\n        x()\n    except ValueError:\n        assert y",
        "object.__setattr__(model, 'name', 1)",
        "limiter._waiting",
        "from model.loading import _secret",
    ],
)
def test_a_planted_fault_is_found(source):
    """The check can fail: each kind of fault is reported once."""
    assert 1 == len(faults(source, {"_waiting"}))
