"""The shape of the code, held: who may import whom, one home for each dependency, sizes."""

import ast
import functools
import re
import shutil
import sys
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.layers import HOMES, NOTEBOOKS, PENDING

MOST_LINES, MOSTLY_LINES, MOST_FUNCTION = 400, 150, 40
PACKAGES = ("mlservice", "model", "service")
IMPORTS = re.compile(r"^Imports: ([\w.,\s]+)\.$", re.MULTILINE)


@functools.cache
def parsed(source: str) -> tuple[ast.AST, ...]:
    """Return all that is in a module, itself first."""
    return tuple(ast.walk(ast.parse(source)))


def modules(root: Path) -> dict[str, Path]:
    """Return every module of the product by its dotted name."""
    folders = [path for name in PACKAGES for path in root.glob(f"{name}/**/*.py")]
    paths = [*folders, root / "wsgi.py", root / "gunicorn.conf.py"]
    return {".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


@functools.cache
def imports_of(source: str) -> tuple[tuple[str, int], ...]:
    """Return what a module imports, and where; a name imported from a module counts as a module, for it may be one."""
    found = []
    for node in parsed(source):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{node.module}: relative import"
            found += [(f"{node.module}.{alias.name}", node.lineno) for alias in node.names]
    return tuple(found)


def imports(path: Path) -> tuple[tuple[str, int], ...]:
    return imports_of(path.read_text())


@functools.cache
def docstring_of(source: str) -> str:
    return ast.get_docstring(parsed(source)[0]) or ""


def within(name: str, place: str) -> bool:
    return name == place or name.startswith(f"{place}.")


def rooms(root: Path) -> dict[str, set[str]]:
    """Return which rooms each room may import, as its docstring says; a room is a folder, or a module that says so."""
    found = {}
    for name, path in modules(root).items():
        said = IMPORTS.search(docstring_of(path.read_text()))
        if said:
            found[name] = set() if said[1] == "nothing" else set(re.split(r",\s+", said[1]))
    return found


def room_of(name: str, known: Iterable[str]) -> str:
    return max((room for room in known if within(name, room)), key=len)


def arrows(root: Path) -> dict[tuple[str, str], list[str]]:
    """Return which room imports which, and where."""
    known, places = modules(root), rooms(root)
    found: dict[tuple[str, str], list[str]] = {}
    for name, path in known.items():
        for target, line in imports(path):
            inner = next((module for module in (target, target.rpartition(".")[0]) if module in known), None)
            if inner is not None and (pair := (room_of(name, places), room_of(inner, places)))[0] != pair[1]:
                found.setdefault(pair, []).append(f"{name}:{line} imports {inner}")
    return found


def violations(root: Path) -> list[str]:
    """Return each import that a room's docstring does not allow, and each of a package away from its home."""
    allowed, known = rooms(root), modules(root)
    found = [
        f"{line}, which {source} may not"
        for (source, target), lines in arrows(root).items()
        if not {target, "everything"} & allowed[source] and (source, target) not in {NOTEBOOKS, *PENDING}
        for line in lines
    ]
    for name, path in known.items():
        for target, line in imports(path):
            package = target.partition(".")[0]
            foreign = package not in {*PACKAGES, *sys.stdlib_module_names} and target not in known
            if foreign and not any(within(name, home) for home in HOMES.get(package, [])):
                found.append(f"{name}:{line} imports {package}, whose home is {HOMES.get(package)}")
    return found


@pytest.fixture
def copy(tmp_path):
    """Copy the product, to plant faults in."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "gunicorn.conf.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def test_imports_go_one_way_and_each_dependency_has_one_home():
    """The product as it is breaks neither rule."""
    assert [] == violations(ROOT)


def test_no_room_reaches_itself():
    """Following what rooms may import never leads back; the graph of rooms is printed."""
    allowed = rooms(ROOT)
    for (source, target), lines in sorted(arrows(ROOT).items()):
        print(f"{source} -> {target}: {len(lines)}")  # noqa: T201  # pytest shows it with -rP

    limited = {name: targets for name, targets in allowed.items() if "everything" not in targets}
    assert set() == set().union(*limited.values()) - set(allowed), "rooms that are not there"
    assert list(TopologicalSorter(limited).static_order())  # raises CycleError


def test_what_is_pending_is_still_there():
    """An arrow that is gone leaves the list of those to go."""
    assert set() == PENDING - set(arrows(ROOT))


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("model/predictor.py", "from service.errors import OK"),
        ("model/signature.py", "from model.bundle.manifest import Golden"),
        ("model/engines/onnx.py", "from model.sklearn_runtime.engine import SklearnEngine"),
        ("service/protocols/native.py", "from service.monitoring.recorder import Recorder"),
        ("service/validation/json_rows.py", "import service.http.app"),
        ("service/config/settings.py", "from service.server.worker import Worker"),
        ("service/server/reload.py", "from service.serving.model_swap import ModelSwap"),
        ("service/server/hooks.py", "from service.http.app import create_app"),
        ("service/serving/model_swap.py", "from service.server.reload import replace_model"),
        ("service/protocols/native.py", "from flask import request"),
        ("service/serving/admission.py", "import prometheus_client"),
        ("model/packing/pack.py", "import joblib"),
        ("mlservice/command.py", "import model.packing.pack"),
        ("service/http/app.py", "import pickle_like_third_party"),
    ],
)
def test_a_planted_import_is_found(copy, module, line):
    """The check can fail: an import up the order, and a second home for a dependency."""
    path = copy / module
    path.write_text(f"{path.read_text()}\n{line}\n")

    assert 1 == len(violations(copy))


def test_only_entry_points_read_the_environment():
    """Settings are read in one place and passed on; programs of their own are entry points, too."""
    readers = {name for name, path in modules(ROOT).items() if "os.environ" in path.read_text()}

    assert {
        "wsgi",
        "gunicorn.conf",
        "mlservice.application",
        "mlservice.packing",
        "mlservice.scoring_process",
        "model.__main__",
        "service.server.healthcheck",
        "service.serving.watcher",
        "service.monitoring.metric_files",
    } == readers


def test_no_duration_is_measured_by_a_clock_that_can_be_set():
    """The time of day is only said, of a model or a request, and watched, for when it is set."""
    texts = {name: path.read_text() for name, path in modules(ROOT).items()}

    found = {name for name, text in texts.items() if re.search(r"\btime\.time\b|\bdatetime\.now\b", text)}
    assert {
        "model.packing.pack",
        "service.monitoring.metrics",
        "service.monitoring.recorder",
        "service.serving.fetch",
        "service.server.clock",
    } >= found


def test_nothing_deserialises_but_serialisation():
    """Unpickling, or what amounts to it, has one place."""
    texts = {name: path.read_text() for name, path in modules(ROOT).items()}

    for package in ("pickle", "joblib", "skops", "cloudpickle", "marshal"):
        assert {name for name, text in texts.items() if re.search(rf"import {package}\b", text)} <= {
            "mlservice.handover",  # which only writes
            "model.sklearn_runtime.skops_io",
        }
    for words in ("eval(", "exec(", "yaml.load(", "allow_pickle=True)"):
        assert set() == {name for name, text in texts.items() if words in text}


def test_files_and_functions_stay_small():
    """Three of four files have at most 150 lines, and none over 400; functions have at most 40."""
    sizes = {name: len(path.read_text().splitlines()) for name, path in modules(ROOT).items()}
    functions = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node.end_lineno - node.lineno + 1
        for path in [*modules(ROOT).values(), *(ROOT / "tests").rglob("*.py")]
        for node in parsed(path.read_text())
        if isinstance(node, ast.FunctionDef)
    }

    tests = {path.name: len(path.read_text().splitlines()) for path in (ROOT / "tests").rglob("*.py")}
    assert {} == {name: size for name, size in {**sizes, **tests}.items() if size > MOST_LINES}
    assert sum(size > MOSTLY_LINES for size in sizes.values()) <= len(sizes) / 4
    assert {} == {name: size for name, size in functions.items() if size > MOST_FUNCTION}


def test_system_tests_import_nothing_of_the_product():
    """What is tested from outside knows the product by its sockets, files and signals only.

    Models of other libraries are packed and compared in the process that has these.
    """
    outside = [path for path in (ROOT / "tests/system").rglob("*.py") if "models" not in path.parent.parts]
    packages = {target.partition(".")[0] for path in outside for target, _ in imports(path)}

    assert set() == packages & {*PACKAGES, "wsgi"}
