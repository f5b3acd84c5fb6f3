"""The command that scores files, as a process: interruptions, full disks, pipes, and the answers of a real server."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pyarrow
import pytest
from pyarrow import parquet

from tests.conftest import ROOT
from tests.system.conftest import DEADLINE, children_of, eventually, launching

pytestmark = pytest.mark.score
HEAD = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)"
ROW = "5.1,3.5,1.4,0.2"
ROWS = 80_000  # for the model that sleeps, which are 8 batches
# A pipeline of numbers, strings, booleans and dates, all of which may be missing.
MIXED = """
import sys
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder
from model.packing.pack import pack
places = np.arange(120)
data = pd.DataFrame({
    "age": np.where(places % 7 == 0, np.nan, places / 7.0),
    "city": np.array(["Bern", "Z\\u00fcrich, West", None], dtype=object)[places % 3],
    "member": places % 2 == 0,
    "since": pd.to_datetime(["2020-01-01", "2021-06-05", "2022-12-31"])[places % 3],
})
columns = ColumnTransformer([
    ("age", SimpleImputer(), ["age"]),
    ("city", OneHotEncoder(handle_unknown="ignore"), ["city"]),
    ("since", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), ["since"]),
    ("rest", "passthrough", ["member"]),
])
labels = np.array(["no", "yes", "it's, \\"so\\""], dtype=object)[(places // 5) % 3]
pack(make_pipeline(columns, RandomForestClassifier(20, random_state=0)).fit(data, labels), sys.argv[1], name="mixed",
     data=data)
"""
CELLS = {
    "age": [1.5, None, 12, 3.25e2, 0.1],
    "city": ["Bern", "Zürich, West", None, "Paris", "Bern"],
    "member": [True, False, False, True, True],
    "since": ["2020-01-01", "2022-12-31", "2021-06-05T12:00:00Z", "2021-06-05", "1999-12-31"],
}


@pytest.fixture(scope="module")
def mixed(make_once):
    return make_once("-c", MIXED)


@pytest.fixture
def folder(tmp_path):
    return tmp_path


@pytest.fixture
def start(folder):
    """Start the command in the folder, with arguments as a user would give them; all are gone at the end."""
    started = []

    def run(*arguments, **options):
        prefix = options.pop("prefix", ())
        environ = {**os.environ, "PYTHONPATH": str(ROOT), **options.pop("environ", {})}
        command = [*prefix, sys.executable, "-m", "model", "score", *map(str, arguments)]
        pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
        started.append(subprocess.Popen(command, cwd=folder, env=environ, **pipes, **options))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def score(start):
    """Run the command to its end: exit code, stdout, stderr."""

    def run(*arguments, content=None, **options):
        process = start(*arguments, stdin=subprocess.PIPE, **options)
        out, err = process.communicate(content, DEADLINE)
        return process.returncode, out, err.decode()

    return run


@pytest.fixture
def slow(sleeper, folder):
    """Write an input of which the model needs a while for each batch, and give the arguments to score it slowly."""
    lines = ["x0,x1,x2,x3", *(f"1000000.25,{number % 7},1,{number}" for number in range(ROWS))]
    (folder / "in.csv").write_text("\n".join(lines) + "\n")
    return ("--model", sleeper["bundle"], "--code", sleeper["MODEL_CODE"], "--processes", "1")


@pytest.fixture(scope="module")
def answering(tmp_path_factory, mixed):
    """Start a server of the model of mixed columns."""
    with launching(tmp_path_factory, mixed) as launch:
        server = launch(WEB_CONCURRENCY="1")
        server.wait_until_ready()
        yield server


def asked(server, body, content_type, accept):
    with server.connect() as connection:
        status, _, answer = connection.ask("POST", "/predict", body, content_type, Accept=accept)
    assert 200 == status, answer
    return answer


def size_of(path):
    return path.stat().st_size if path.exists() else 0


def as_csv(cells):
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(cells)
    writer.writerows(zip(*cells.values(), strict=True))
    return out.getvalue().encode()


def test_csv_is_scored_as_the_server_answers_it(answering, score, folder, mixed):
    """Byte for byte: numbers, strings with commas, booleans, dates, and missing values."""
    (folder / "in.csv").write_bytes(as_csv(CELLS))
    expected = asked(answering, as_csv(CELLS), "text/csv", "text/csv")
    code, *_ = score("in.csv", "out.csv", "--model", mixed)
    both = zip(as_csv(CELLS).splitlines(), expected.splitlines(), strict=True)

    assert 0 == code
    assert b"".join(b"%b,%b\r\n" % each for each in both) == (folder / "out.csv").read_bytes()


def test_json_lines_are_scored_as_the_server_answers_them(answering, score, folder, mixed):
    """The same labels and the same digits of each probability."""
    rows = [dict(zip(CELLS, row, strict=True)) for row in zip(*CELLS.values(), strict=True)]
    answer = asked(answering, json.dumps({"instances": rows}), "application/json", "application/json")
    (folder / "in.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    code, *_ = score("in.jsonl", "out.jsonl", "--model", mixed, "--columns", "none")
    lines = [json.loads(line, parse_float=str) for line in (folder / "out.jsonl").read_text().splitlines()]
    found = json.loads(answer, parse_float=str)

    assert 0 == code
    assert found["predictions"] == [line.pop("prediction") for line in lines]
    assert found["probabilities"] == [list(line.values()) for line in lines]


@pytest.mark.parametrize("target", ["out.jsonl", "out.parquet", "out.arrow"])
def test_another_format_than_the_input_s_is_refused(score, folder, iris_bundle, target):
    """Lines of text are not made into columns, and nothing is written under a name that says so."""
    (folder / "in.csv").write_text(f"{HEAD}\n{ROW}\n")

    code, _, err = score("in.csv", target, "--model", iris_bundle)

    assert (1, 1) == (code, err.count("\n"))
    assert f"bad_output: {target}: csv is not written as {target.partition('.')[2]}" in err
    assert ["in.csv"] == [path.name for path in folder.iterdir()]


@pytest.mark.parametrize("kind", ["parquet", "arrows"])
def test_columns_are_scored_as_the_server_answers_them(answering, score, folder, mixed, kind):
    """Parquet and Arrow keep the types of their columns, and get those of the server's answer in Arrow."""
    table = pyarrow.table({**CELLS, "id": pyarrow.array([7, 8, 9, 10, 11], pyarrow.int16())})
    body = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(body, table.drop("id").schema) as stream:
        stream.write(table.drop("id"))
    answer = asked(answering, body.getvalue().to_pybytes(), *["application/vnd.apache.arrow.stream"] * 2)
    if kind == "parquet":
        parquet.write_table(table, folder / "in.parquet")
    else:
        with pyarrow.ipc.new_stream(str(folder / f"in.{kind}"), table.schema) as file:
            file.write(table)
    code, *_ = score(f"in.{kind}", "out.parquet", "--model", mixed)
    found = parquet.read_table(folder / "out.parquet")

    assert 0 == code
    assert table == found.select(table.column_names)
    assert pyarrow.ipc.open_stream(answer).read_all().to_pydict() == found.drop(table.column_names).to_pydict()


def test_a_run_that_is_interrupted_goes_on_where_it_was(start, score, folder, slow):
    """Killed, or ended by a signal: the output is that of a run that nobody ended, byte for byte."""
    size = partial(size_of, folder / "out.csv.partial")
    process = start("in.csv", "out.csv", *slow, "--bad-rows", "bad.csv")
    eventually((folder / "out.csv.checkpoint").exists, "a checkpoint")
    process.kill()
    process.wait(DEADLINE)
    assert not (folder / "out.csv").exists()

    before, process = size(), start("in.csv", "out.csv", *slow, "--bad-rows", "bad.csv")
    eventually(lambda: size() > before, "more rows")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=DEADLINE)
    assert (130, 1) == (process.returncode, err.count(b"\n"))
    assert b"ml-service: interrupted: SIGTERM came. The first " in err
    code, out, _ = score("in.csv", "out.csv", *slow, "--bad-rows", "bad.csv", "--json")
    score("in.csv", "again.csv", *slow)

    assert 0 == code
    assert 0 < json.loads(out)["resumed"] < ROWS == json.loads(out)["rows"]
    assert (folder / "again.csv").read_bytes() == (folder / "out.csv").read_bytes()
    assert {"in.csv", "out.csv", "again.csv", "bad.csv"} == {path.name for path in folder.iterdir()}


def test_a_process_that_is_killed_is_replaced(start, folder, slow):
    """The run says so and goes on; nothing is lost or doubled."""
    process = start("in.csv", "out.csv", *slow)
    eventually(lambda: size_of(folder / "out.csv.partial") > ROWS, "rows")
    os.kill(children_of(process.pid)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=DEADLINE)

    assert (0, 1) == (process.returncode, err.count(b"a process that scores ended (SIGKILL)"))
    lines = (folder / "out.csv").read_text().splitlines()[1:]
    assert [*map(str, range(ROWS))] == [line.split(",")[3] for line in lines]


def test_a_full_disk_ends_a_run_that_can_go_on(score, folder, iris_bundle):
    """One line says how many rows are kept; with room, the same command ends what was begun."""
    (folder / "in.csv").write_text("\n".join([HEAD, *[ROW] * 60_000, ""]))
    limited = ["bash", "-c", 'ulimit -f 2500; exec "$@"', "bash"]  # blocks of 1,024 bytes
    code, out, err = score("in.csv", "out.csv", "--model", iris_bundle, prefix=limited)
    assert (1, b"", 1) == (code, out, err.count("\n"))
    assert err.startswith("ml-service: disk_full: out.csv: File too large; make room. The first ")
    code, out, _ = score("in.csv", "out.csv", "--model", iris_bundle, "--json")
    lines = (folder / "out.csv").read_text().splitlines()[1:]

    assert (0, 60_000) == (code, json.loads(out)["rows"])
    assert json.loads(out)["resumed"] > 0
    assert (60_000, 1) == (len(lines), len(set(lines)))


def test_stdin_and_stdout_are_a_filter(score, iris_bundle):
    """Nothing but the output is on stdout; the summary is on stderr."""
    content = f"{HEAD}\n{ROW}\n".encode()
    code, out, err = score("-", "-", "--input-format", "csv", "--model", iris_bundle, content=content)

    assert 0 == code
    assert out.startswith(f"{HEAD},prediction,probability_0,probability_1,probability_2\n{ROW},0,".encode())
    assert "1 rows scored" in err


def test_a_bad_row_in_the_middle_ends_the_run_or_goes_to_its_file(score, folder, iris_bundle):
    """What was scored before it is kept, so that the run can go on with a file for bad rows."""
    rows = [ROW] * 30_000
    rows[25_000] = "5.1,3.5,?,0.2"
    (folder / "in.csv").write_text("\n".join([HEAD, *rows, ""]))
    code, _, err = score("in.csv", "out.csv", "--model", iris_bundle)
    assert (1, "bad_row") == (code, err.split(": ")[1])
    assert "in.csv, line 25002: expected a number for 'petal length (cm)', got the string '?'" in err
    code, out, _ = score("in.csv", "out.csv", "--model", iris_bundle, "--bad-rows", "bad.csv", "--json")

    assert (3, 29_999, 1) == (code, json.loads(out)["rows"], json.loads(out)["bad_rows"])
    assert json.loads(out)["resumed"] > 0
    assert 30_000 == (folder / "out.csv").read_bytes().count(b"\n")
    assert (
        (folder / "bad.csv")
        .read_text()
        .endswith(
            "25002,invalid_value,\"expected a number for 'petal length (cm)', got the string '?'\",\"5.1,3.5,?,0.2\"\n"
        )
    )


def test_memory_does_not_grow_with_the_input(start, folder, iris_bundle):
    """An input of 200 MB is scored with less than 120 MB above what the model needs, by all processes together."""
    note = "x" * 20_000
    with (folder / "in.csv").open("w") as file:
        file.write(f"{HEAD},note\n")
        for _ in range(100):
            file.write(f"{ROW},{note}\n" * 100)
    sizes = []
    process = start("in.csv", "/dev/null", "--format", "csv", "--model", iris_bundle, "--processes", "2")
    while process.poll() is None:
        sizes.append(proportional(process))
        time.sleep(0.05)

    assert 0 == process.returncode, process.stderr.read()
    assert max(sizes) - baseline(iris_bundle) < 120


def proportional(process):
    """Return the megabytes of all processes, shared ones divided among them (PSS)."""
    found = 0.0
    try:
        for pid in [process.pid, *children_of(process.pid)]:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            found += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024
    except (FileNotFoundError, ProcessLookupError):
        return found
    return found


def baseline(bundle):
    """Return the megabytes of a process that has loaded the model, with what it imports."""
    script = (
        "import sys; from pathlib import Path; from model.loading import load; import service.scoring.run;"
        "load(Path(sys.argv[1])); print(open('/proc/self/smaps_rollup').read())"
    )
    out = subprocess.run([sys.executable, "-c", script, bundle], cwd=ROOT, capture_output=True, text=True, check=True)
    return next(int(line.split()[1]) for line in out.stdout.splitlines() if line.startswith("Pss:")) / 1024
