"""service.monitoring.metrics: what is declared, exposed and shared between processes."""

import errno
import gc
import os
import threading
import time

import pytest
from prometheus_client import Counter

from model.signature import Feature, Signature
from service.errors import TABLE
from service.monitoring import metric_files
from service.monitoring.catalogue import CATALOGUE, PREFIX
from service.monitoring.metrics import Metrics
from service.monitoring.model_labels import MOST_CLASSES
from service.monitoring.scrape import MOST_READINGS, PAUSE_SECONDS, CachedEncoder
from tests.samples import sample


@pytest.fixture
def share(tmp_path):
    """Make metrics of protocols, as several processes share them; leaves the client library as it was."""
    yield lambda *protocols: Metrics(protocols, tmp_path)
    metric_files.keep_values(None, str)


@pytest.fixture
def shared(share):
    return share("native")


def signature(*classes):
    """Return the signature of a classifier."""
    return Signature((Feature("x"),), "matrix", "classifier", None, (classes,), probabilities=True)


def test_every_series_is_there_at_zero_before_the_first_request():
    """An alert on a series that appears with the first failure would miss that failure."""
    metrics = Metrics(["native"])

    for code in ("ok", *TABLE):
        assert 0 == sample(metrics, "requests_total", protocol="native", code=code)
    assert 0 == sample(metrics, "rows_total", protocol="native")
    assert 0 == sample(metrics, "log_dropped_total")


def test_what_is_exposed_is_what_is_declared(shared):
    """Nothing is made at use."""
    shared.declare_model(signature("x"))
    shared.declare_build("abc")
    types = {
        line.split()[2]
        for line in shared.exposition("", time.monotonic())[0].decode().splitlines()
        if line.startswith("# TYPE")
    }

    expected = {f"{PREFIX}_{item.name}" for item in CATALOGUE}
    assert expected - {f"{PREFIX}_model_info"} == types


def test_names_follow_the_conventions():
    """Counters end in _total, times are in seconds (Prometheus: practices/naming)."""
    for item in CATALOGUE:
        assert (item.kind is Counter) == item.name.endswith("_total")
        assert "_ms" not in item.name
        assert item.help.endswith(".")


def test_a_slot_that_is_taken_again_goes_on_counting(shared, tmp_path):
    """Counters neither fall nor double, and files do not multiply, through any number of workers of one slot."""
    for _ in range(5):
        for slot in ("w0", "w1"):
            shared.slot.name = slot
            shared.requests.answered("native", "ok", 0.001)
        shared.slot.name = "master"
        files = sorted(path.name for path in tmp_path.iterdir())
        shared.forget("w0")

    assert 10 == sample(shared, "requests_total", protocol="native", code="ok")
    assert files == sorted({path.name for path in tmp_path.iterdir()} | {f for f in files if f.startswith("gauge")})
    assert 3 == len(list(tmp_path.glob("counter_*")))


def test_live_gauges_go_with_their_worker(shared):
    """What a dead worker had in progress is not in progress."""
    shared.make_room("w0")
    shared.slot.enter("w0")
    shared.slot.row.in_progress = 1
    shared.slot.name = "master"
    assert 1 == sample(shared, "in_progress_requests")

    shared.forget("w0")

    assert 0 == sample(shared, "in_progress_requests")


def test_classes_are_bounded():
    """A model of a thousand classes has a bounded number of series."""
    metrics = Metrics(["native"])
    metrics.declare_model(signature(*range(1000)))

    series = [
        line
        for line in metrics.exposition("", time.monotonic())[0].decode().splitlines()
        if "predictions_total{" in line
    ]
    assert MOST_CLASSES + 1 == len(series)


def test_a_scrape_survives_a_file_that_is_being_made(shared, tmp_path):
    """A torn file fails the scrape only if it stays torn."""
    torn = tmp_path / "counter_w9.db"
    torn.touch()
    mended = threading.Timer(PAUSE_SECONDS, torn.unlink)
    mended.start()

    assert 0 == sample(shared, "log_dropped_total")

    mended.join()
    torn.write_bytes(b"garbage")
    shared.requests.answered("native", "ok", 0.001)

    assert 1 == sample(shared, "requests_total", protocol="native", code="ok")
    assert 1 == sample(shared, "unreadable_metric_files")
    torn.unlink()
    assert 0 == sample(shared, "unreadable_metric_files")


def holes(path):
    return path.stat().st_size - path.stat().st_blocks * 512


def test_no_file_has_holes_that_a_full_memory_could_not_fill(shared, tmp_path):
    """Writing into a hole when there is no room kills the process; also after there are more series than expected."""
    assert shared.make_room("w0")
    for slot in ("master", "w0"):
        shared.slot.name = slot
        shared.requests.answered("native", "ok", 0.001)
    shared.slot.name = "master"
    for place in range(100):
        shared.declare_model(signature(f"{place} {'x' * 1000}"))
    assert shared.make_room("w0")
    shared.slot.name = "w0"
    shared.requests.answered("native", "ok", 0.001)

    assert 2 == sample(shared, "requests_total", protocol="native", code="ok") - 1
    assert max(path.stat().st_size for path in tmp_path.iterdir()) > 65536
    assert [] == [path.name for path in tmp_path.iterdir() if holes(path) > 0]


def test_where_there_is_no_room_a_worker_counts_for_itself_and_nothing_dies(shared, monkeypatch):
    """Its requests are answered; what it counts is missing, and that is counted."""

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full)

    assert not shared.make_room("w0")
    shared.slot.name = "w0"
    shared.requests.answered("native", "ok", 0.001)
    with pytest.raises(OSError, match="full"):
        for place in range(100):
            shared.declare_model(signature(f"{place} {'x' * 1000}"))
    shared.slot.name = "master"

    assert 0 == sample(shared, "requests_total", protocol="native", code="ok")
    assert 1 == sample(shared, "unshared_workers_total")


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=abc", "*/*;version==", "\x00", ","])
def test_a_malformed_accept_header_gets_plain_text(accept):
    """A scrape that asks for nonsense is still answered."""
    assert Metrics(["native"]).exposition(accept, time.monotonic())[1].startswith("text/plain")


def test_formats_that_are_asked_for_once_take_no_memory(shared):
    """A caller may ask for any version of a format; only those that are asked for again and again are remembered."""
    gc.collect()
    before = sum(isinstance(each, CachedEncoder) for each in gc.get_objects())
    for version in range(50):
        accept = f"application/openmetrics-text; version=1.{version}.0"
        assert f"version=1.{version}.0" in shared.exposition(accept, time.monotonic())[1]

    gc.collect()
    after = sum(isinstance(each, CachedEncoder) for each in gc.get_objects())
    assert after - before <= MOST_READINGS


def test_a_scrape_of_many_workers_is_small_and_quick(share):
    """Of eight workers, and of the eight that they have replaced: under 200 KB, and 20 ms of CPU time."""
    metrics = share("native", "v2", "v1", "invocations", "azure")
    features = tuple(Feature(f"feature_{number}") for number in range(100))
    metrics.declare_model(
        Signature(features, "matrix", "classifier", None, (tuple(map(str, range(20))),), probabilities=True)
    )
    for slot in range(16):
        metrics.slot.enter(f"w{slot}")
        metrics.requests.answered("native", "ok", 0.001)
    found = []
    for number in range(10):
        for code in list(TABLE)[number : number + 20]:
            metrics.requests.answered("native", code, 0.001 * number)
        begun = time.thread_time()
        content, _ = metrics.exposition("application/openmetrics-text; version=1.0.0", time.monotonic())
        found.append(time.thread_time() - begun)

    assert 50_000 < len(content) < 200_000
    assert min(found) < 0.02
