import threading
import time

import pytest

from service.errors import CallerGone, DeadlineExceeded, Overloaded
from service.serving.admission import Limiter

LATER = 1e9


def place(limiter, *, deadline=LATER, gone=False):
    return limiter.place(time.monotonic() + deadline, lambda: gone)


def in_background(work, count=1):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def until_waiting(limiter, count):
    while limiter._waiting < count:
        time.sleep(0.001)


def test_who_waits_too_long_is_turned_away_and_a_slot_is_free_again_after_its_block():
    """Also when the block ends by an exception."""
    limiter = Limiter(1, 1, 10, 0.01)
    with pytest.raises(KeyError), place(limiter):
        with pytest.raises(Overloaded), place(limiter):
            pass
        raise KeyError

    with place(limiter):
        pass


def test_no_more_than_the_slots_and_the_rows_are_handed_out_however_many_push():
    """And each that fits gets its turn."""
    limiter, inside, slots, rows = Limiter(3, 100, 10, 60), [], [], []

    def work():
        for count in (1, 4, 7, 10, 25) * 10:
            with place(limiter) as mine:
                mine.take(count)
                inside.append(count)
                now = inside.copy()
                slots.append(len(now))
                rows.append((sum(now), len(now)))
                inside.remove(count)

    for thread in in_background(work, 8):
        thread.join()

    assert 400 == len(slots)
    assert max(slots) <= 3
    assert all(total <= 10 or alone == 1 for total, alone in rows)
    assert (0, 0) == (limiter._slots_taken, limiter._rows_taken)


def test_when_enough_wait_the_next_is_turned_away_at_once():
    """A queue that is longer than it can be served only makes all of it late."""
    limiter, outcomes = Limiter(1, 2, 10, 60), []

    def wait():
        with place(limiter):
            outcomes.append("in")

    with place(limiter):
        waiting = in_background(wait, 2)
        until_waiting(limiter, 2)
        start = time.monotonic()
        with pytest.raises(Overloaded), place(limiter):
            pass
        assert time.monotonic() - start < 1
    for thread in waiting:
        thread.join()
    assert ["in", "in"] == outcomes


def test_who_waits_for_rows_holds_no_slot():
    """Small requests pass by a large one that waits."""
    limiter, outcomes = Limiter(2, 1, 10, 60), []

    def large():
        with place(limiter) as mine:
            mine.take(9)
            outcomes.append("large")

    with place(limiter) as first:
        first.take(5)
        waiting = in_background(large)
        until_waiting(limiter, 1)
        with place(limiter) as small:
            small.take(1)
            outcomes.append("small")
    waiting[0].join()

    assert ["small", "large"] == outcomes


def test_what_is_late_is_not_started():
    """Whether it came late, or the time went by as it waited."""
    limiter = Limiter(1, 1, 10, 60)
    with pytest.raises(DeadlineExceeded), place(limiter, deadline=-1):
        pass
    with place(limiter), pytest.raises(DeadlineExceeded), place(limiter, deadline=0.01):
        pass

    assert 0 == limiter._slots_taken


def test_what_nobody_waits_for_any_more_is_not_started():
    """Only who had to wait is looked after: a system call for each request would cost all of them."""
    limiter, outcomes = Limiter(1, 1, 10, 60), []

    def wait():
        try:
            with place(limiter, gone=True):
                outcomes.append("in")
        except CallerGone:
            outcomes.append("gone")

    with place(limiter, gone=True):
        waiting = in_background(wait)
        until_waiting(limiter, 1)
    waiting[0].join()

    assert ["gone"] == outcomes
    assert 0 == limiter._slots_taken
