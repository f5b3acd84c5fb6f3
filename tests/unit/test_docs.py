"""The documentation: its tables agree with the code, and its links lead somewhere."""

import dataclasses
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

from model.errors import ModelError
from service.config.settings import Settings
from service.errors import TABLE
from service.monitoring.catalogue import CATALOGUE, PREFIX
from tests.conftest import ROOT
from tests.test_architecture import rooms as rooms_of

PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TABLES = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, IMAGE = TABLES["project"], TABLES["dependency-groups"]["image"]
GROUPS = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values(), IMAGE]
DEPENDENCIES = [re.match(r"[\w-]+", line)[0] for group in GROUPS for line in group]
EXAMPLES = {"service/protocols/shell.py"}  # the reader of CONTRIBUTING.md makes it
LINK = re.compile(r"\]\((?!https?:|urn:)([^)#]*)(?:#([^)]*))?\)")


def page(name: str) -> str:
    return (ROOT / name).read_text()


def rows(name: str) -> dict[str, str]:
    """Return the rows of a page's tables by the code in their first cell."""
    return {line.split("`")[1]: line for line in page(name).splitlines() if line.startswith("| `")}


def anchors(path: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("code", TABLE)
def test_each_error_code_is_documented(code):
    """errors.md lists every code with its status."""
    assert f"| `{code}` | {TABLE[code][0]} |" in page("docs/errors.md")


@pytest.mark.parametrize("code", [error.code for error in ModelError.__subclasses__()])
def test_each_start_failure_is_documented(code):
    """errors.md says what to do about each way a model can be wrong."""
    assert f"`{code}`" in page("docs/errors.md")


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: field.name.upper())
def test_each_setting_is_documented(field):
    """settings.md has each setting with its default and help."""
    row, default = rows("docs/settings.md")[field.name.upper()], field.metadata["default"]
    computed = callable(default) or default in (None, ())

    assert field.metadata["help"] in row
    assert computed or f"`{default}`" in row


@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.name)
def test_each_metric_is_documented(item):
    """metrics.md has each metric with its labels and help."""
    row = rows("docs/metrics.md")[f"{PREFIX}_{item.name}"]

    assert item.help in row
    assert all(f"`{label}`" in row for label in item.labels)


def test_nothing_is_documented_that_is_not_there():
    """A setting or metric that is removed from the code is removed from its table."""
    assert {field.name.upper() for field in dataclasses.fields(Settings)} == set(rows("docs/settings.md"))
    assert {f"{PREFIX}_{item.name}" for item in CATALOGUE} == set(rows("docs/metrics.md"))


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(path):
    """Each relative link names a file that exists and, if it has an anchor, a heading in that file."""
    for target, anchor in LINK.findall(path.read_text()):
        file = path.parent / target if target else path
        assert file.exists(), f"{target}: no such file"
        assert not anchor or anchor in anchors(file), f"{target}#{anchor}: no such heading"


def results(heading: str, column: int) -> dict[str, str]:
    """Return a column of one of the tables of benchmarks/results.md, by server: of each cell the first figure."""
    section = page("benchmarks/results.md").partition(f"## {heading}\n")[2].partition("\n## ")[0]
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    return {row[0]: row[column].partition(";")[0] for row in cells}


def test_figures_of_readme_are_those_of_the_benchmark():
    """Each row of README's comparison has the figures that the last `make bench` wrote; a new run needs new rows."""
    one, many, start = "One row, 16 connections", "1,000 rows, 2 connections", "Start and memory"
    columns = [*(results(one, kind) for kind in (1, 2, 3)), results(many, 1), results(start, 1), results(start, 2)]
    servers = [name for name in columns[0] if name in columns[3] and "lean" not in name and name not in ("", "---")]

    assert len(servers) >= 8
    for name in servers:
        assert f"| {name} | {' | '.join(column[name] for column in columns)} |" in page("README.md")


def test_readme_and_design_are_short():
    """Each is read in one sitting; what is longer has a page of its own."""
    assert len(page("README.md").splitlines()) <= 200, "shorten something, or move it to docs/"
    assert len(page("docs/design.md").split()) <= 2000, "shorten something, or make it a record in docs/decisions"


def test_each_decision_is_in_the_index():
    """docs/decisions/README.md links to each record."""
    records = {path.name for path in (ROOT / "docs/decisions").glob("*.md")} - {"README.md"}

    assert records == {target for target, _ in LINK.findall(page("docs/decisions/README.md"))} - {"../design.md"}


@pytest.mark.parametrize("package", DEPENDENCIES)
def test_each_dependency_has_a_reason(package):
    """docs/decisions/dependencies.md says why each package of pyproject.toml is there."""
    assert package.lower() in page("docs/decisions/dependencies.md").lower()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_pages_name_is_there(path):
    """Each file, folder and module of the product that a page names in code exists, and so does each make target."""
    text = path.read_text()
    files = re.findall(r"`((?:model|service|benchmarks|deploy|docs)/[\w./-]+)`", text)
    commands = re.findall(r"-m ((?:model|service|benchmarks)[\w.]*)", text)
    targets = re.findall(r"`make ([a-z0-9-]+)", text)

    assert [] == [name for name in files if not (ROOT / name).exists() and name not in EXAMPLES]
    assert [] == [name for name in commands if find_spec(name) is None]
    assert [] == [name for name in targets if f"\n{name}:" not in page("Makefile")]


def test_each_room_is_in_the_design():
    """docs/design.md says what each room holds."""
    folders = {name.replace(".", "/") for name in rooms_of(ROOT) if (ROOT / name.replace(".", "/")).is_dir()}

    assert set() == {folder for folder in folders - {"service"} if f"| `{folder}" not in page("docs/design.md")}
