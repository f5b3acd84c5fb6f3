"""service.drift.monitor: workers that share a window, and what happens when they cannot."""

import errno
import os
import threading
import time

import numpy as np
import pytest
from sklearn.datasets import load_iris

from model.loading import load
from service.config.settings import Settings
from service.drift.counting import RowCounter
from service.drift.monitor import DriftMonitor
from service.serving.served_model import ModelSlot, ServedModel

ROWS = load_iris().data
SETTINGS = Settings.from_env({"DRIFT_LEAST_ROWS": "100"})


@pytest.fixture
def served(iris_bundle):
    return ServedModel.of(load(iris_bundle), 0.0, 10_000)


@pytest.fixture
def work(served, tmp_path):
    """Make the monitor of a worker slot; all of them share a directory."""

    def start(slot):
        monitor = DriftMonitor(SETTINGS, ModelSlot(served), tmp_path)
        monitor.start(slot)
        return monitor

    return start


def answer(monitor, served, rows):
    monitor.add(rows, served.predictor.predict(rows))


def test_every_worker_says_the_same(work, served):
    """Once what they were given is counted."""
    monitors = [work(slot) for slot in ("w0", "w1")]
    for monitor in monitors:
        answer(monitor, served, ROWS)
        monitor.count_pending()

    reports = [monitor.report() for monitor in monitors]

    assert [300, 300] == [each.window.rows for each in reports]
    assert reports[0].features == reports[1].features
    assert () == reports[0].over


def test_rows_are_counted_without_being_asked_for(work, served):
    """A thread of the worker's counts them within a moment, so that other workers know of them."""
    asked, other = work("w0"), work("w1")
    answer(other, served, ROWS)

    until = time.monotonic() + 60
    while asked.report().window.rows < 150 and time.monotonic() < until:
        threading.Event().wait(0.05)

    assert 150 == asked.report().window.rows


def test_where_there_is_no_room_answers_go_on(work, served, monkeypatch, caplog):
    """A worker whose file cannot be made counts for nobody, and says so once."""

    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "posix_fallocate", full)
    monitor = work("w0")
    for _ in range(3):
        answer(monitor, served, ROWS)
        monitor.count_pending()

    assert 0 == monitor.report().window.rows
    assert 1 == caplog.text.count("no room")


@pytest.mark.parametrize("dtype", [np.float64, object])
def test_many_rows_are_counted_in_a_moment(work, served, dtype):
    """However many requests of 10,000 rows came since: as many of their rows are counted as take some milliseconds."""
    monitor, rows = work("w0"), np.tile(ROWS, (67, 1))[:10_000]
    prediction = served.predictor.predict(rows)
    for _ in range(50):
        monitor.add(rows.astype(dtype), prediction)

    begun = time.thread_time()
    monitor.count_pending()

    assert time.thread_time() - begun < 0.5
    assert 1000 < monitor.report().window.rows < 40_000


def test_however_many_rows_are_counted_at_once_their_arrays_have_few_sizes(work, served, monkeypatch):
    """Memory grows with the number of sizes: numpy keeps up to seven blocks of each that a small array ever had."""
    monitor, sizes = work("w0"), []
    count = RowCounter.count

    def spy(counter, rows, prediction):
        sizes.append(len(rows))
        return count(counter, rows, prediction)

    monkeypatch.setattr(RowCounter, "count", spy)
    prediction = served.predictor.predict(ROWS[:1])
    for rows in range(1, 301, 13):
        for _ in range(rows):
            monitor.add(ROWS[:1], prediction)
        monitor.count_pending()

    assert {1, 2, 4, 8, 16, 32, 64, 128, 256} >= set(sizes)
    assert sum(range(1, 301, 13)) == sum(sizes)
