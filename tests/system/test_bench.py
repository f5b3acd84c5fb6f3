"""`make bench` in a few seconds: it measures every server, judges the targets and draws the chart."""

import json
import subprocess
import sys

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.bench
OURS = "ml-service"
FLOORS = {"empty Flask view", "raw WSGI", "empty Flask view, our worker"}
FASTAPI = {"FastAPI + uvicorn", "FastAPI, lean"}


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Run the comparison as short as it can be: ours, the floors and one peer on one model."""
    work = tmp_path_factory.mktemp("bench")
    subset = ["--peers", "fastapi", "--models", "logistic", "--parts", "speed", "memory"]
    length = ["--rounds", "1", "--seconds", "1", "--tries", "1"]
    places = ["--work", work / "made", "--output", work / "results.md"]
    subprocess.run([sys.executable, "-m", "benchmarks", *subset, *length, *places], cwd=ROOT, check=True)
    return work


@pytest.fixture(scope="module")
def results(work):
    return json.loads((work / "made/results.json").read_text())


def test_every_server_answers_each_load(results):
    """Each one started, answered as scikit-learn does, and failed no request; floors are asked for one row only."""
    assert {} == results["failures"]
    measured = {(each["contestant"], each["cell"]) for each in results["measurements"] if each["case"] == "logistic"}
    singles = {(name, cell) for name in {OURS, *FLOORS, *FASTAPI} for cell in ("one16", "one1")}
    assert singles | {(name, "batch2") for name in {OURS, *FASTAPI}} == measured
    for each in results["measurements"]:
        assert 0 == each["failed"]
        assert each["rate"] > 0
        assert 0 < each["p50"] <= each["p99"]


def test_starts_and_memory_are_taken_of_each(results):
    """A start takes time, and a server with two workers holds more than nothing."""
    assert {OURS, *FLOORS, *FASTAPI} == {each["contestant"] for each in results["starts"]}
    assert {OURS, *FASTAPI} == {each["contestant"] for each in results["weights"]}
    assert all(each["seconds"] > 0 for each in results["starts"])
    assert all(each["bytes"] > 20e6 for each in results["weights"])


def test_the_tables_judge_the_targets_and_say_what_was_measured(work):
    """What a reader needs to believe a number: versions, machine, date, command, and each target's verdict."""
    page = (work / "results.md").read_text()

    for words in ("| CPU |", "| Date |", "| Command | make bench", "scikit-learn ", "fastapi 0.", "| raw WSGI |"):
        assert words in page
    lines = [line for line in page.splitlines() if line.startswith("| one row, LogisticRegression, iris: at least")]
    assert 1 == len(lines)
    assert lines[0].endswith(("| met |", "| **not met** |"))


def test_the_chart_is_drawn(work):
    """A picture of what the tables say."""
    picture = work / "results.png"
    python = ROOT / ".venv-peers/chart/bin/python"
    subprocess.run([python, "-m", "benchmarks.chart", work / "made/results.json", picture], cwd=ROOT, check=True)

    assert picture.read_bytes().startswith(b"\x89PNG")


def test_no_process_is_left_behind(work):
    """Every server and what it started has ended."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout

    assert str(work / "made") not in listed
