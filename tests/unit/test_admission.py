"""service.serving.admission: slots, rows and the queue of a worker."""

import threading
import time
from contextlib import ExitStack
from types import SimpleNamespace

import pytest

from service.errors import ServiceError
from service.serving.admission import Admission

LATER = 1e9


@pytest.fixture
def row():
    return SimpleNamespace(predicting=0, waiting=0)


def slot(admission, *, deadline=LATER, gone=False):
    return admission.slot(time.monotonic() + deadline, lambda: gone)


def in_background(work, count=1):
    threads = [threading.Thread(target=work) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def until_waiting(row, count):
    while row.waiting < count:
        time.sleep(0.001)


def refused(admission, **options):
    """Return the code that a request is refused with."""
    with pytest.raises(ServiceError) as caught, slot(admission, **options):
        pass
    return caught.value.code


def take_all(admission, slots, rows):
    """Take every slot and row at once; raises ServiceError if one is still in use."""
    with ExitStack() as stack:
        for count in (rows, *[0] * (slots - 1)):
            stack.enter_context(slot(admission, deadline=1)).take(count)


def test_a_request_that_waits_too_long_is_shed_and_a_slot_is_free_again_after_its_block(row):
    """Also when the block ends by an exception."""
    admission = Admission(1, 1, 10, 0.01, lambda: row)
    with pytest.raises(KeyError), slot(admission):
        assert "overloaded" == refused(admission)
        raise KeyError

    with slot(admission):
        pass


def test_no_more_than_the_slots_and_the_rows_are_handed_out_however_many_push(row):
    """And each that fits gets its turn."""
    admission, inside, slots, rows = Admission(3, 100, 10, 60, lambda: row), [], [], []

    def work():
        for count in (1, 4, 7, 10, 25) * 10:
            with slot(admission) as mine:
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
    take_all(admission, 3, 10)


def test_when_the_queue_is_full_the_next_request_is_shed_at_once(row):
    """A queue that is longer than it can be served only makes all of it late."""
    admission, outcomes = Admission(1, 2, 10, 60, lambda: row), []

    def wait():
        with slot(admission):
            outcomes.append("in")

    with slot(admission):
        waiting = in_background(wait, 2)
        until_waiting(row, 2)
        start = time.monotonic()
        assert "overloaded" == refused(admission)
        assert time.monotonic() - start < 30
    for thread in waiting:
        thread.join()
    assert ["in", "in"] == outcomes


def test_a_request_that_waits_for_rows_holds_no_slot(row):
    """Small requests pass by a large one that waits."""
    admission, outcomes = Admission(2, 1, 10, 60, lambda: row), []

    def large():
        with slot(admission) as mine:
            mine.take(9)
            outcomes.append("large")

    with slot(admission) as first:
        first.take(5)
        waiting = in_background(large)
        until_waiting(row, 1)
        with slot(admission) as small:
            small.take(1)
            outcomes.append("small")
    waiting[0].join()

    assert ["small", "large"] == outcomes


def test_a_request_past_its_deadline_is_not_started(row):
    """Whether it came late, or the time went by while it waited."""
    admission = Admission(1, 1, 10, 60, lambda: row)

    assert "deadline_exceeded" == refused(admission, deadline=-1)
    with slot(admission):
        assert "deadline_exceeded" == refused(admission, deadline=0.01)
    take_all(admission, 1, 10)


def test_a_request_whose_caller_has_gone_is_not_started(row):
    """Only a request that waited is looked after: a system call for each request would cost all of them."""
    admission, outcomes = Admission(1, 1, 10, 60, lambda: row), []

    with slot(admission, gone=True):
        waiting = in_background(lambda: outcomes.append(refused(admission, gone=True)))
        until_waiting(row, 1)
    waiting[0].join()

    assert ["caller_gone"] == outcomes
    take_all(admission, 1, 10)
