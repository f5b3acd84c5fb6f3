"""service.drift: the sliding window, its files, and the rows that wait to be counted."""

import threading

import numpy as np
import pytest

from model.prediction import Prediction
from service.drift.pending import MOST_ROWS, TURN_ROWS, Pending
from service.drift.ring import PARTS, SLICES, Ring, Span, in_memory, open_slot, read_slots, sum_window

SECOND = 10**9
SPAN = Span(rows=2000, nanoseconds=100 * SECOND)
ONE, OTHER = "11" * 32, "22" * 32


def count(rows):
    return np.array([rows, 2 * rows])


def filled(slices, turns, rows=10, seconds=1, span=SPAN):
    """Add rows at regular times; return the time of the last."""
    ring = Ring(slices, span)
    for turn in range(1, turns + 1):
        ring.add(rows, count(rows), turn * seconds * SECOND)
    return turns * seconds * SECOND


def prediction(rows):
    return Prediction(np.arange(rows), np.full((rows, 2), 0.5))


def rows_of(taken):
    return [each for rows, _ in taken for each in rows[:, 0].tolist()]


@pytest.mark.parametrize(("turns", "seconds"), [(50, 1), (300, 1), (1000, 0.2), (1000, 30), (5000, 0.01)])
def test_a_window_has_the_last_rows_of_the_last_seconds(turns, seconds):
    """As many rows as both limits allow, but for the part of the window that a slice is."""
    slices = in_memory(2)
    now = filled(slices, turns, seconds=seconds)

    found = sum_window([slices], SPAN, now)

    most = min(10 * turns, SPAN.rows, 10 * (1 + int(SPAN.nanoseconds / SECOND / seconds)))
    assert most * (1 - 2 / PARTS) - 10 <= found.rows <= most
    assert count(found.rows).tolist() == found.counts.tolist()


def test_rows_leave_the_window_though_no_others_come():
    """A window that nobody adds to is empty in the end."""
    slices = in_memory(2)
    now = filled(slices, 10)

    assert 0 == sum_window([slices], SPAN, now + SPAN.nanoseconds).rows


def test_bursts_between_quiet_times_are_in_the_window():
    """Slices that end by rows and slices that end by time fit into the ring together."""
    slices, ring = in_memory(2), None
    ring = Ring(slices, SPAN)
    for turn in range(1, 20):
        for _ in range(11):
            ring.add(10, count(10), turn * 5 * SECOND)
        ring.add(1, count(1), (turn * 5 + 4) * SECOND)

    found = sum_window([slices], SPAN, 100 * SECOND)

    assert SPAN.rows * (1 - 2 / PARTS) < found.rows <= SPAN.rows


def test_the_newest_rows_of_all_workers_are_in_the_window():
    """A worker that is idle keeps no row in the window that is older than enough rows of others."""
    idle, busy = in_memory(2), in_memory(2)
    filled(idle, 5)
    now = filled(busy, 1000, seconds=0.05)

    assert SPAN.rows * (1 - 2 / PARTS) < sum_window([idle, busy], SPAN, now).rows <= SPAN.rows
    assert sum_window([idle, busy], SPAN, now).oldest < 12 * SECOND


def test_workers_add_up(tmp_path):
    """What each slot has counted is in the sum, whichever process reads it."""
    for slot in ("w0", "w1", "w7"):
        now = filled(open_slot(tmp_path, slot, ONE, 2), 5)

    assert 150 == sum_window(read_slots(tmp_path, ONE, 2), SPAN, now).rows


def test_a_worker_goes_on_where_one_was_killed(tmp_path):
    """The rows of the worker before it in its slot stay in the window."""
    filled(open_slot(tmp_path, "w0", ONE, 2), 5)
    now = filled(open_slot(tmp_path, "w0", ONE, 2), 5)

    assert 100 == sum_window(read_slots(tmp_path, ONE, 2), SPAN, now).rows


def test_another_model_begins_another_window(tmp_path):
    """Neither a new worker nor a late row of an old one mixes the rows of two models."""
    old = open_slot(tmp_path, "w0", ONE, 2)
    filled(old, 5)
    filled(open_slot(tmp_path, "w1", ONE, 2), 5)
    new = open_slot(tmp_path, "w0", OTHER, 2)
    now = filled(new, 3)
    filled(old, 7)

    assert 30 == sum_window(read_slots(tmp_path, OTHER, 2), SPAN, now).rows
    assert 50 == sum_window(read_slots(tmp_path, ONE, 2), SPAN, now).rows


def test_a_file_that_is_damaged_or_of_another_layout_is_left_out(tmp_path):
    """Whatever is in it."""
    now = filled(open_slot(tmp_path, "w0", ONE, 2), 5)
    (tmp_path / "drift-w1").write_bytes(b"")
    (tmp_path / "drift-w2").write_bytes((tmp_path / "drift-w0").read_bytes()[:-8])
    open_slot(tmp_path, "w3", ONE, 3)

    assert 50 == sum_window(read_slots(tmp_path, ONE, 2), SPAN, now).rows


def test_no_file_has_holes_that_a_full_memory_could_not_fill(tmp_path):
    """Writing into a hole when there is no room would kill the worker."""
    open_slot(tmp_path, "w0", ONE, 500)

    found = (tmp_path / "drift-w0").stat()
    assert found.st_blocks * 512 >= found.st_size >= 500 * SLICES * 8


def test_a_window_of_few_rows_is_kept_with_single_rows():
    """With DRIFT_ROWS=100 a slice has five rows, and the window a hundred."""
    span = Span(100, SPAN.nanoseconds)
    slices = in_memory(2)
    now = filled(slices, 1000, rows=1, seconds=0.001, span=span)

    assert 90 <= sum_window([slices], span, now).rows <= 100


def test_all_rows_are_taken_if_they_are_few():
    """In the order in which they came."""
    pending = Pending()
    for number in range(20):
        pending.add(np.full((3, 1), number), prediction(3))

    assert [number for number in range(20) for _ in range(3)] == rows_of(pending.take())
    assert [] == list(pending.take())


@pytest.mark.parametrize("rows", [1, 7, 1000, 10_000, 100_000])
def test_rows_are_taken_evenly_if_they_are_many(rows):
    """After some turns about as many as are counted in a turn, from all requests alike."""
    pending, total = Pending(), max(20_000, 2 * rows)
    for _ in range(4):
        list(pending.take())
        for start in range(0, total, rows):
            pending.add(np.arange(start, min(total, start + rows))[:, np.newaxis], prediction(min(rows, total - start)))

    found = np.array(rows_of(pending.take()))
    assert TURN_ROWS * 0.9 <= len(found) <= TURN_ROWS * 1.1
    assert np.histogram(found, 10, (0, total))[0] == pytest.approx(len(found) / 10, rel=0.1)


@pytest.mark.parametrize("rows", [1, 10, 10_000, 1_000_000])
def test_rows_that_wait_are_bounded(rows):
    """However many come in a turn; of a large request only the rows that are taken stay in memory."""
    pending = Pending()
    for _ in range(max(16, 50_000 // rows)):
        pending.add(np.zeros((rows, 4)), prediction(rows))

    taken = list(pending.take())
    held = [rows if rows.base is None else rows.base for rows, _ in taken]
    assert 8 * MOST_ROWS >= sum(map(len, held))


def test_predictions_stay_with_their_rows():
    """Rows that are taken of a large request have their own labels and probabilities."""
    pending = Pending()
    pending.add(np.arange(50_000)[:, np.newaxis], Prediction(np.arange(50_000), np.arange(100_000).reshape(-1, 2)))

    ((rows, found),) = pending.take()
    assert rows[:, 0].tolist() == found.labels.tolist()
    assert (2 * rows[:, 0]).tolist() == found.probabilities[:, 0].tolist()


def test_several_threads_add_rows():
    """No row is taken twice, and none is damaged, while another thread takes them."""
    pending, found = Pending(), []
    threads = [
        threading.Thread(target=lambda: [pending.add(np.ones((1, 2)), prediction(1)) for _ in range(500)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        found += list(pending.take())
    found += list(pending.take())

    assert 0 < len(found) <= 2000
    assert {(1, 2)} == {rows.shape for rows, _ in found}
