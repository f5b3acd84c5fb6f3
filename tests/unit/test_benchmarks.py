"""benchmarks.targets and benchmarks.report: how measurements are judged."""

from dataclasses import replace

import pytest

from benchmarks import report, targets
from benchmarks.contestants import CONTESTANTS, FLASK, OURS, PEERS
from benchmarks.results import BigForest, Measurement, Results, Start, Weight

FASTAPI, MLSERVER = "FastAPI + uvicorn", "MLServer"


def measured(contestant, cell, *rates, case="logistic", p50=1.0, p99=1.5, failed=0):
    return [Measurement(turn, case, contestant, cell, rate, p50, p99, failed, 0.0) for turn, rate in enumerate(rates)]


@pytest.fixture
def results():
    """Ours twice as fast as FastAPI for one row, three times as fast as MLServer for many."""
    return Results(
        facts={"Date": "2026-11-22"},
        measurements=[
            *measured(OURS, "one16", 200, 400, 300, p99=3),
            *measured(FASTAPI, "one16", 100, 200, 100, p99=4),
            *measured(FLASK, "one16", 250, 420, 300),
            *measured(OURS, "one1", 50, 50, 50),
            *measured(OURS, "batch2", 30, 30, 30),
            *measured(MLSERVER, "batch2", 10, 10, 10),
        ],
        starts=[Start(OURS, 1.0), Start(FASTAPI, 2.0)],
        weights=[Weight(OURS, 2, 100_000_000)],
        forest=BigForest(300_000_000, 4, 390_000_000, 399_000_000, 10_000, 100),
    )


def verdict(results, words):
    return next(each for each in targets.verdicts(results) if words in each.target)


def test_a_ratio_is_of_the_same_round(results):
    """What drifts from round to round drifts for both: the median of the rounds' ratios, with their spread."""
    found = targets.ratio(results, FASTAPI, "logistic", "one16")

    assert (2, 2, 3) == (found.median, found.low, found.high)


def test_a_lean_peer_is_told_of_beside_the_target_and_must_not_be_ahead(results):
    """It answers less, so the target is against those that answer the same."""
    results.measurements += measured("MLServer, lean", "batch2", 29, 29, 29)
    found = verdict(results, "best peer")

    assert (True, "3.00x (3.00 to 3.00) (MLServer); 1.03x MLServer, lean") == (found.met, found.measured)
    assert verdict(results, "no cell").met
    results.measurements += measured("KServe, lean", "batch2", 31, 31, 31)
    assert not verdict(results, "no cell").met


def test_every_target_that_was_measured_is_judged(results):
    """All are met here, and what was not measured has no line."""
    found = list(targets.verdicts(results))

    assert [True] * 8 == [each.met for each in found]
    assert not any("RandomForest" in each.target for each in found)


@pytest.mark.parametrize(
    ("words", "change"),
    [
        ("plain FastAPI app", {"contestant": FASTAPI, "cell": "one16", "rate": 1000.0}),
        ("best peer", {"contestant": MLSERVER, "cell": "batch2", "rate": 29.0}),
        ("no cell", {"contestant": MLSERVER, "cell": "batch2", "rate": 31.0}),
        ("empty Flask view", {"contestant": FLASK, "cell": "one16", "rate": 4000.0}),
        ("p99 at most 2x p50", {"contestant": OURS, "cell": "one1", "p99": 9.0}),
        ("better than every peer's", {"contestant": OURS, "cell": "one16", "p99": 9.0}),
    ],
)
def test_a_target_can_be_missed(results, words, change):
    """Each judgement turns with the numbers that it is about."""
    key = (change["contestant"], change["cell"])
    results.measurements = [
        replace(each, **change) if (each.contestant, each.cell) == key else each for each in results.measurements
    ]

    assert not verdict(results, words).met
    assert "**not met**" in report.write(results)


@pytest.mark.parametrize("forest", [{"after": 401_000_000}, {"before": 401_000_000}, {"requests": 9_000}])
def test_a_forest_that_grows_misses_its_target(results, forest):
    """One model and 25 MB for each of the four workers, before and after, and all the requests must have been sent."""
    results.forest = replace(results.forest, **forest)

    assert not verdict(results, "300 MB forest").met


def test_a_slow_start_misses_its_target(results):
    """Half of FastAPI's is what is asked for."""
    results.starts = [Start(OURS, 1.1), Start(FASTAPI, 2.0)]

    assert not verdict(results, "start").met


def test_failures_are_told(results):
    """Failed requests mark their cell; a server that did not start has its reason."""
    results.measurements += measured("BentoML", "one16", 99, failed=7)
    results.failures["Ray Serve"] = "could not be installed"
    page = report.write(results)

    assert "**7 failed**" in page
    assert "| Ray Serve | not measured: could not be installed |" in page


def test_results_are_read_as_they_were_written(results, tmp_path):
    """The chart sees what the tables saw."""
    results.write(tmp_path / "results.json")

    assert results == Results.read(tmp_path / "results.json")


def test_contestants_have_their_files():
    """Each peer has its pinned environment, and names are unique."""
    assert len(CONTESTANTS) == len({each.name for each in CONTESTANTS})
    for each in CONTESTANTS:
        assert (
            each.environment is None
            or f"{each.package}==" in (PEERS / each.environment / "requirements.txt").read_text()
        )
