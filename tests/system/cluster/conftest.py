"""Rows, a bundle and the documented programs, beside what the wheel puts into an environment."""

import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from tests.clusters import Workplace
from tests.conftest import ROOT
from tests.system.conftest import launching
from tests.system.install.conftest import build
from tests.system.test_score import CELLS, MIXED

STREAM = "application/vnd.apache.arrow.stream"
ROWS, FILES = 4000, 4
# What the programs of tests/cluster make of rows that they spoil, and `score` of such rows.
REASON = "expected an ISO 8601 date or time as a string or null for 'since', got the string 'never'"
BAD = [
    {"customer_id": row, "prediction": None, "code": "invalid_value", "reason": REASON} for row in range(1, ROWS, 1000)
]
LOADED = re.compile(r"ml-service: \S+ 1 \(\w{12}\) loaded in \S+ s by process \d+ for process (\d+)")
BLOCK = re.compile(r"^( *)```python\n\1# (\w+\.py)\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
# The compiler of the JVM that is quick to start.
JAVA = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def customers():
    """Return rows of numbers, strings, booleans and dates, most of which are missing somewhere."""
    times = ROWS // len(CELLS["age"])
    cells = {name: column * times for name, column in CELLS.items()}
    cells["age"] = [age and age + row / 64 for row, age in enumerate(cells["age"])]
    return pa.table({"customer_id": range(ROWS), **cells, "note": [f"note {row % 7}" for row in range(ROWS)]})


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """Make a folder with what the wheel puts into site-packages."""
    folder = tmp_path_factory.mktemp("wheel")
    build(folder, "--wheel", "--require-hashes")
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


class Place(Workplace):
    """A folder with rows, a bundle and the documented programs."""

    def __init__(self, folder, site, bundle, rows):
        super().__init__(folder, site, JDK_JAVA_OPTIONS=JAVA)
        self.bundle, self.rows = bundle, rows
        for _, name, text in BLOCK.findall((ROOT / "docs/ray-and-spark.md").read_text()):
            (folder / name).write_text(textwrap.dedent(text))

    def scored(self, target):
        """Return the rows of a folder of Parquet files, in the order of their ids."""
        return parquet.read_table(self.path(target)).sort_by("customer_id")


@pytest.fixture(scope="session")
def place(tmp_path_factory, make_once, site):
    folder, rows = tmp_path_factory.mktemp("place"), customers()
    (folder / "customers").mkdir()
    for number in range(FILES):
        part = rows.slice(number * ROWS // FILES, ROWS // FILES)
        parquet.write_table(part, folder / f"customers/{number}.parquet")
    parquet.write_table(rows, folder / "all.parquet")
    found = Place(folder, site, Path(shutil.copytree(make_once("-c", MIXED), folder / "churn")), rows)
    yield found
    found.close()


@pytest.fixture(scope="session")
def expected(place, tmp_path_factory):
    """Score the rows by the command, and by a real server, which answer the same."""
    command = [sys.executable, "-m", "model", "score", place.path("all.parquet"), place.path("expected.parquet")]
    subprocess.run([*command, "--model", place.bundle], cwd=ROOT, check=True, capture_output=True)
    found = parquet.read_table(place.path("expected.parquet"))
    with launching(tmp_path_factory, place.bundle) as launch:
        server = launch(WEB_CONCURRENCY="1")
        server.wait_until_ready()
        answer = pa.ipc.open_stream(asked(server, place.rows.select(list(CELLS)))).read_all()
    assert answer.to_pydict() == found.drop(place.rows.column_names).to_pydict()
    assert answer.schema.types == found.drop(place.rows.column_names).schema.types
    return found


def asked(server, table):
    body = pa.BufferOutputStream()
    with pa.ipc.new_stream(body, table.schema) as stream:
        stream.write_table(table)
    with server.connect() as connection:
        status, _, answer = connection.ask("POST", "/predict", body.getvalue().to_pybytes(), STREAM, Accept=STREAM)
    assert 200 == status, answer
    return answer


def assert_loaded_once(logs):
    """Assert that no process loaded the model twice."""
    processes = [process for log in logs for process in LOADED.findall(log)]
    assert 0 < len(processes) == len(set(processes)), processes
