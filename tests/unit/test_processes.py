"""service.process_table and service.monitoring.computed: what is known of the processes of a server."""

import os
import time
from pathlib import Path

import pytest

from service import process_table
from service.monitoring import computed, metric_files
from service.monitoring.computed import FRESH_SECONDS
from service.monitoring.metrics import Metrics
from service.process_table import ProcessTable
from tests.samples import sample


@pytest.fixture
def shared(tmp_path):
    """Metrics as several processes share them; leaves the client library as it was."""
    yield Metrics(["native"], tmp_path)
    metric_files.keep_values(None, str)


def in_child(work):
    """Do something in a forked process, and wait for its end."""
    child = os.fork()
    if not child:
        try:
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return child


def test_what_a_process_tells_is_seen_by_all(tmp_path):
    """The memory is shared by whatever is forked."""
    table = process_table.make(tmp_path)
    table.reserve("w1")

    child = in_child(lambda: table.row("w1").enter(os.getpid()))

    assert [("w1", child)] == [(slot, row.pid) for slot, row in table.used()]


def test_the_time_that_a_slot_has_computed_never_falls():
    """Whether its process is asked or asks, and whichever process has the slot: a counter that falls looks reset."""
    row = ProcessTable().row("w0")

    row.enter(1)
    told = [row.computed(2.5), row.computed(2.0)]
    row.leave()
    told.append(row.cpu_seconds)
    row.enter(2)
    told += [row.computed(0.0), row.computed(0.5)]

    assert [2.5, 2.5, 2.5, 2.5, 3.0] == told


def test_what_a_worker_did_when_it_was_killed_is_not_being_done(shared):
    """Its slot has no requests, no limits and no memory any more."""
    shared.make_room("w0")
    row = shared.processes.row("w0")
    row.enter(os.getpid())
    row.predicting, row.most_predicting, row.queued, row.idle = 3, 4, 5, 6
    told = [sample(shared, name) for name in ("predicting_requests", "prediction_slots", "waiting_requests")]
    assert [3, 4, 5] == told
    assert 6 == sample(shared, "connections", state="idle")
    assert sample(shared, "worker_memory_bytes", worker="w0") > 1e6

    shared.forget("w0")

    assert 0 == sample(shared, "predicting_requests") == sample(shared, "prediction_slots")
    assert 0 == sample(shared, "waiting_requests") == sample(shared, "connections", state="idle")
    assert sample(shared, "worker_memory_bytes", worker="w0") is None
    assert sample(shared, "worker_cpu_seconds_total", worker="w0") > 0


@pytest.mark.parametrize("name", ["x", ") 1 (2", "a) S 1 2 3 4 5 6 7 8 9 10 11"])
def test_a_name_of_a_program_confuses_nobody(name, tmp_path):
    """It stands in parentheses before the figures, and may have parentheses itself."""

    def named():
        Path("/proc/self/comm").write_text(name)
        while time.process_time() < 0.03:
            pass
        told.write_text(str(computed.cpu_seconds(os.getpid())))

    told = tmp_path / "told"
    in_child(named)

    assert 0.01 <= float(told.read_text()) < 5


def test_a_process_that_has_gone_has_no_figures():
    """It may end between any two looks."""
    gone = in_child(lambda: None)

    assert (None, None) == (computed.cpu_seconds(gone), computed.memory_kilobytes(gone))


def test_a_process_whose_memory_nobody_may_see_has_none(shared):
    """The kernel refuses that for a process that is not dumpable, and some have no such file."""
    row = shared.processes.row("w0")
    shared.make_room("w0")
    row.enter(in_child(lambda: None))

    assert sample(shared, "worker_memory_bytes", worker="w0") is None
    assert 0 == sample(shared, "worker_cpu_seconds_total", worker="w0")


def test_memory_is_not_looked_at_again_at_once(shared):
    """Looking takes milliseconds, and many may scrape."""
    sample(shared, "ready_workers")
    read = shared.processes.row("master").memory_read_at
    sample(shared, "ready_workers")

    assert FRESH_SECONDS > 0
    assert read == shared.processes.row("master").memory_read_at


def test_a_scrape_looks_at_the_memory_of_a_few_processes_and_further_ones_at_the_others(shared):
    """However many there are, a scrape is quick; those that were looked at longest ago come first."""
    slots = [f"w{number}" for number in range(30)]
    for slot in slots:
        shared.make_room(slot)
        shared.processes.row(slot).enter(os.getpid())

    def known():
        return shared.exposition("", time.monotonic())[0].count(b"worker_memory_bytes{")

    seen, end = [known()], time.monotonic() + 60
    while seen[-1] <= len(slots) and time.monotonic() < end:
        seen.append(known())

    assert 0 < seen[0] < len(slots)
    assert 1 + len(slots) == seen[-1]
