"""Which workers are started and stopped, and why those that have gone went."""

import logging
from dataclasses import fields
from types import SimpleNamespace

import pytest

from service.process_table import ProcessTable, WorkerStatus
from service.server.interfaces import MasterEvents
from service.server.supervision import NotStarted, Supervision


@pytest.fixture
def state():
    return ProcessTable()


@pytest.fixture
def lost():
    """Collect the reasons for which workers were lost."""
    return []


@pytest.fixture
def supervision(state, lost):
    nobody = dict.fromkeys([field.name for field in fields(MasterEvents)], lambda *_: None)
    return Supervision(state, MasterEvents(**{**nobody, "worker_lost": lost.append}), logging.getLogger("test"))


def worker(state, number, said=WorkerStatus.READY, **facts):
    """Return what gunicorn's master keeps of a worker, the older the lower its number."""
    state.set_status(f"w{number}", said)
    return SimpleNamespace(**{"slot": f"w{number}", "age": number, "told_to_end": False, "aborted": False, **facts})


def test_as_many_are_started_as_are_missing(state, supervision):
    """One that was told to end is missing already; it may wait in the kernel for ever."""
    workers = {10: worker(state, 0), 11: worker(state, 1, told_to_end=True)}

    assert (2, []) == supervision.plan(workers, 3)


def test_the_oldest_are_stopped_where_there_are_too_many(state, supervision):
    """After SIGTTOU, or when a worker that was slow to end has been replaced."""
    workers = {12: worker(state, 2), 10: worker(state, 0), 11: worker(state, 1)}

    assert (0, [10, 11]) == supervision.plan(workers, 1)


def test_one_whose_request_hangs_is_replaced(state, supervision):
    """Another is started before it is told to end, since it still answers other requests."""
    workers = {10: worker(state, 0), 11: worker(state, 1, WorkerStatus.HUNG)}

    assert (1, [11]) == supervision.plan(workers, 2)


@pytest.mark.parametrize(
    ("said", "facts", "reasons"),
    [
        (WorkerStatus.READY, {}, ["died"]),
        (WorkerStatus.BOOTING, {}, ["boot"]),
        (WorkerStatus.HUNG, {"told_to_end": True}, ["hung"]),
        (WorkerStatus.READY, {"aborted": True, "told_to_end": True}, ["silent"]),
        (WorkerStatus.READY, {"told_to_end": True}, []),
        (WorkerStatus.LEFT, {}, []),
    ],
)
def test_a_worker_that_ended_unasked_is_counted_by_its_reason(state, supervision, lost, said, facts, reasons):
    """One that was told to end, or that left after `max_requests`, is not lost."""
    supervision.has_gone(worker(state, 0, said, **facts))

    assert reasons == lost


def test_one_that_cannot_be_started_is_not_tried_again_at_once(supervision):
    """The machine may be short of something; trying on would make that worse."""

    def fail():
        raise BlockingIOError("no process to be had")

    with pytest.raises(NotStarted, match="BlockingIOError: no process to be had"):
        supervision.start(fail)

    assert (0, []) == supervision.plan({}, 1)


def test_one_that_does_not_boot_is_not_replaced_at_once(state, supervision):
    """Whatever ended it would end the next one, too; one that served is replaced at once."""
    supervision.has_gone(worker(state, 0, WorkerStatus.READY))
    assert (1, []) == supervision.plan({}, 1)

    supervision.has_gone(worker(state, 0, WorkerStatus.BOOTING))
    assert (0, []) == supervision.plan({}, 1)
