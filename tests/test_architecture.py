"""The shape of the code, held: who may import whom, one home for each dependency, sizes."""

import ast
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.layers import FRONT, HOMES, ORDER

MOST_LINES, MOSTLY_LINES, MOST_FUNCTION = 400, 150, 40


def modules(root: Path) -> dict[str, Path]:
    """Return every module of the product by its dotted name."""
    paths = [*root.glob("model/**/*.py"), *root.glob("service/**/*.py"), root / "wsgi.py", root / "gunicorn.conf.py"]
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield what a module imports, as far as it is a module: names imported from one count as modules if they are."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def matches(name: str, pattern: str) -> bool:
    parent = name.rpartition(".")[0]
    return name == pattern or (pattern.endswith(".*") and parent == pattern.removesuffix(".*"))


def rank(name: str) -> int:
    exact = ORDER.index(name) if name in ORDER else None
    return next(place for place, pattern in enumerate(ORDER) if matches(name, pattern)) if exact is None else exact


def violations(root: Path) -> list[str]:
    """Return each import that goes up the order or to a package away from its home."""
    known = modules(root)
    found = []
    for name, path in known.items():
        for target, line in imports(path):
            inner = next((module for module in (target, target.rpartition(".")[0]) if module in known), None)
            package = target.partition(".")[0]
            if inner is not None:
                if rank(inner) >= rank(name) and inner != name and (name, inner) not in FRONT:
                    found.append(f"{name}:{line} imports {inner}, which stands below it")
            elif package not in sys.stdlib_module_names and not any(
                matches(name, home) for home in HOMES.get(package, [])
            ):
                found.append(f"{name}:{line} imports {package}, whose home is {HOMES.get(package)}")
    return found


@pytest.fixture
def copy(tmp_path):
    """Copy the product, to plant faults in."""
    for name in ("model", "service"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_imports_go_one_way_and_each_dependency_has_one_home():
    """The product as it is breaks neither rule."""
    assert [] == violations(ROOT)


def test_each_module_has_a_place_in_the_order():
    """A new module is placed on purpose, and the order names nothing that is gone."""
    names = modules(ROOT)

    assert [] == [name for name in names if not any(matches(name, pattern) for pattern in ORDER)]
    assert [] == [pattern for pattern in ORDER if not any(matches(name, pattern) for name in names)]


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("model/predictor.py", "from service.errors import OK"),
        ("service/wire/native.py", "from service.recording import Recorder"),
        ("service/rows.py", "import service.app"),
        ("service/wire/native.py", "from flask import request"),
        ("service/limiter.py", "import prometheus_client"),
        ("model/packing.py", "import joblib"),
        ("service/app.py", "import pickle_like_third_party"),
    ],
)
def test_a_planted_import_is_found(copy, module, line):
    """The check can fail: an import up the order, and a second home for a dependency."""
    path = copy / module
    path.write_text(f"{path.read_text()}\n{line}\n")

    assert 1 == len(violations(copy))


def test_only_entry_points_read_the_environment():
    """Settings are read in one place and passed on; the health check's own process asks where temporary files are."""
    readers = {name for name, path in modules(ROOT).items() if "os.environ" in path.read_text()}

    assert {"wsgi", "gunicorn.conf", "model.__main__", "service.healthcheck", "service.metrics"} == readers


def test_no_duration_is_measured_by_a_clock_that_can_be_set():
    """The time of day is only said, of a model or a request, and watched, for when it is set."""
    texts = {name: path.read_text() for name, path in modules(ROOT).items()}

    found = {name for name, text in texts.items() if re.search(r"\btime\.time\b|\bdatetime\.now\b", text)}
    assert {"model.packing", "service.recording", "service.reloading", "service.watching"} >= found


def test_nothing_deserialises_but_serialisation():
    """Unpickling, or what amounts to it, has one place."""
    texts = {name: path.read_text() for name, path in modules(ROOT).items()}

    for words in ("import pickle", "import joblib", "import skops", "import cloudpickle", "import marshal"):
        assert {name for name, text in texts.items() if words in text} <= {"model.serialisation"}
    for words in ("eval(", "exec(", "yaml.load(", "allow_pickle=True)"):
        assert set() == {name for name, text in texts.items() if words in text}


def test_files_and_functions_stay_small():
    """Three of four files have at most 150 lines, and none over 400; functions have at most 40."""
    sizes = {name: len(path.read_text().splitlines()) for name, path in modules(ROOT).items()}
    functions = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in [*modules(ROOT).values(), *(ROOT / "tests").rglob("*.py")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef)
    }

    tests = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "tests").rglob("*.py")}
    assert {} == {name: size for name, size in {**sizes, **tests}.items() if size > MOST_LINES}
    assert sum(size > MOSTLY_LINES for size in sizes.values()) <= len(sizes) / 4
    assert {} == {name: size for name, size in functions.items() if size > MOST_FUNCTION}


def test_system_tests_import_nothing_of_the_product():
    """What is tested from outside knows the product by its sockets, files and signals only."""
    packages = {
        target.partition(".")[0] for path in (ROOT / "tests/system").rglob("*.py") for target, _ in imports(path)
    }

    assert set() == packages & {"model", "service", "wsgi"}
