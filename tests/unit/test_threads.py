"""service.server.dispatch: all threads exist before any of them is given work."""

import threading

import pytest

from service.server.dispatch import started


def test_all_threads_are_there_before_anything_is_given_to_one(monkeypatch):
    """None is started afterwards."""
    pool = started(3)

    def fail(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", fail)
    together = threading.Barrier(3)
    waiting = [pool.submit(together.wait, 30) for _ in range(3)]
    assert {0, 1, 2} == {each.result() for each in waiting}
    pool.shutdown()


def test_threads_that_cannot_all_be_started_end(monkeypatch):
    """Nobody would give them anything."""
    before, start, began = threading.active_count(), threading.Thread.start, []

    def fail_the_third_time(thread):
        if len(began) == 2:
            raise RuntimeError("can't start new thread")
        start(thread)
        began.append(thread)

    monkeypatch.setattr(threading.Thread, "start", fail_the_third_time)
    with pytest.raises(RuntimeError, match="new thread"):
        started(3)
    for thread in began:
        thread.join(30)

    assert before == threading.active_count()
