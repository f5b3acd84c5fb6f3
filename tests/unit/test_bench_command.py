"""The command that measures a bundle and recommends workers and threads."""

import json
import os
import signal

import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from model.commands import bench
from model.commands.bench import BATCHES, Batch, Report, Together, as_parts, worthwhile
from model.commands.cli import main
from model.forking import in_forks
from model.packing.pack import pack


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    rows, labels = load_iris(return_X_y=True)
    directory = tmp_path_factory.mktemp("bench") / "bundle"
    pack(LogisticRegression(max_iter=1000).fit(rows, labels), directory, name="iris", data=rows)
    return directory


def run(capfd, *arguments):
    """Run the command; return its exit code, and what it wrote."""
    code = main(["bench", *map(str, arguments)], {})
    return code, *capfd.readouterr()


def test_bench_measures_every_batch_size_and_recommends(bundle, capfd):
    """Each size has a median below its 99th percentile and a rate that it allows; the settings are positive."""
    code, out, err = run(capfd, bundle, "--json", "--seconds", "0.03")
    report = json.loads(out)

    assert 0 == code
    assert list(BATCHES) == [each["rows"] for each in report["batches"]]
    for each in report["batches"]:
        assert 0 < each["p50"] <= each["p99"]
        assert 0 < each["rate"] <= 2 * each["rows"] / each["p50"] * 1e3  # no mean is below half of its median
    assert [1, 2, 4] == [each["count"] for each in report["threads"]]
    assert report["cores"] == report["processes"][-1]["count"]
    assert all(each["rate"] > 0 for each in [*report["threads"], *report["processes"]])
    assert report["workers"] in [each["count"] for each in report["processes"]]
    assert "" == err


def test_bench_prints_a_table_and_the_settings(bundle, capfd):
    """A person reads the sizes, the rates, and the two settings with their reasons."""
    code, out, _ = run(capfd, bundle, "--seconds", "0.03")

    assert 0 == code
    assert out.startswith("iris 1, engine ")
    for words in ("rows a call", "10,000", "processes", "threads of one", "WEB_CONCURRENCY=", "THREADS="):
        assert words in out


def test_bench_stops_before_a_batch_would_take_far_too_long(bundle, capfd):
    """A size whose fastest call takes longer than a measurement should is the last."""
    _, out, _ = run(capfd, bundle, "--json", "--seconds", "0.00001")

    assert [1] == [each["rows"] for each in json.loads(out)["batches"]]


def test_bench_of_a_model_that_does_not_answer_its_golden_rows_fails(bundle, capfd, monkeypatch):
    """Numbers of a model that answers wrongly are worth nothing: one line, and exit code 1."""

    def crash(_):
        raise SystemExit

    monkeypatch.setattr(bench, "verify", crash)
    code, out, err = run(capfd, bundle, "--seconds", "0.03")

    assert (1, "") == (code, out)
    assert "ml-service: golden_mismatch: " in err


def test_bench_loads_the_model_in_a_forked_process_only(bundle, capfd, monkeypatch):
    """A model that ends the process that loads it costs the command one line and exit code 1."""
    monkeypatch.setattr(bench, "load", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    code, out, err = run(capfd, bundle)

    assert (1, "") == (code, out)
    assert "ml-service: golden_mismatch: " in err


def test_bench_reports_why_a_model_does_not_load(capfd, tmp_path):
    """An error in the forked process is reported with its code."""
    code, out, err = run(capfd, tmp_path)

    assert (1, "") == (code, out)
    assert "ml-service: bundle_missing: " in err


@pytest.mark.parametrize(
    ("rates", "count"),
    [
        ([100], 1),
        ([100, 195, 380], 4),
        ([100, 195, 200], 2),
        ([100, 105, 110], 1),
        ([100, 60, 190], 4),
        ([100, 119, 158], 1),
    ],
)
def test_a_process_is_recommended_while_it_adds_enough(rates, count):
    """Each one more than the last worthwhile count must add a fifth of what the first does."""
    assert count == worthwhile([Together(2**place, rate) for place, rate in enumerate(rates)])


@pytest.mark.parametrize(
    ("rates", "count", "reason"),
    [
        ([100.0, 190.0], 2, "2 processes predict 1.90 times as fast as one"),
        ([100.0, 110.0], 1, "more processes add too little"),
        ([100.0], 1, "there is one CPU"),
    ],
    ids=["two", "one of two", "one"],
)
def test_the_reason_stands_beside_each_setting(rates, count, reason):
    """It names what was measured."""
    tried = [Together(number, rate) for number, rate in enumerate(rates, 1)]
    report = Report("iris 1", "scikit-learn", 2, [Batch(1, 0.1, 0.2, 9000.0)], tried, tried[:1], count, 4)

    *_, workers, threads = as_parts(report)[-1].splitlines()
    assert f"WEB_CONCURRENCY={count}: {reason}." == workers
    assert threads.startswith("THREADS=4: only one thread of a process computes at a time")


def test_several_forks_are_asked_at_once():
    """Each fork returns its own result; one that crashes returns none and does not affect the others."""
    parent = os.getpid()
    said = in_forks(lambda: {"pid": os.getpid()}, 3, 10)

    assert 3 == len({each["pid"] for each in said} - {parent})
    assert [None, None] == in_forks(lambda: os.kill(os.getpid(), signal.SIGKILL), 2, 10)
