"""Work in forked processes, while the caller does other things."""

import os
import signal
import time
from pathlib import Path

import pytest

from model.forking import in_fork, in_forks


def test_what_is_to_be_done_meanwhile_is_done_again_and_again():
    """`meanwhile` is called repeatedly until the work has returned its result."""
    times = []

    assert {"said": 1} == in_fork(
        lambda: time.sleep(0.2) or {"said": 1}, 30, lambda: not times.append(time.monotonic())
    )
    assert len(times) > 2


def test_work_is_given_up_at_once_when_it_is_not_wanted_any_more():
    """Work is abandoned at once when `meanwhile` returns false."""
    assert in_fork(lambda: time.sleep(3600) or {}, 3600, lambda: False) is None


def test_a_child_that_somebody_else_has_reaped_is_no_error():
    """A result is not lost if somebody else reaps the child, as gunicorn's master does."""

    def reap():
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return True
        return True

    assert {"said": 1} == in_fork(lambda: time.sleep(0.1) or {"said": 1}, 30, reap)
    assert in_fork(lambda: time.sleep(0.1) or os._exit(1), 30, reap) is None


def test_a_process_that_is_forked_meanwhile_does_not_end_the_work():
    """A process forked meanwhile does not kill the work when it leaves the waiting frames."""
    forked = []

    def fork():
        if not forked and not os.fork():
            raise SystemExit
        if not forked:
            forked.append(os.wait()[0])
        return True

    parent = os.getpid()
    try:
        said = in_fork(lambda: time.sleep(0.3) or {"said": 1}, 30, fork)
    except SystemExit:
        os._exit(0)
    assert os.getpid() == parent
    assert {"said": 1} == said


def test_what_the_work_says_may_be_long():
    """A result may be larger than a pipe's buffer."""
    assert {"said": "x" * 300_000} == in_fork(lambda: {"said": "x" * 300_000}, 30)


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_process_that_cannot_be_forked_leaves_nothing_behind(monkeypatch):
    """If a fork fails, no descriptor and no process forked before remains."""
    before, forked, fork = descriptors(), [], os.fork

    def fail_the_second_time():
        if forked:
            raise BlockingIOError("no process to be had")
        forked.append(fork())
        return forked[0]

    monkeypatch.setattr(os, "fork", fail_the_second_time)
    with pytest.raises(BlockingIOError):
        in_forks(lambda: time.sleep(30) or {}, 2, 30)

    assert before == descriptors()
    with pytest.raises(ProcessLookupError):
        os.kill(forked[0], 0)


def test_the_work_ends_with_the_process_that_wants_it():
    """The work ends with the process that started it, even if that is killed."""
    reader, writer = os.pipe()
    parent = os.fork()
    if not parent:
        try:
            in_fork(lambda: (os.write(writer, str(os.getpid()).encode()) and time.sleep(60)) or {}, 60)
        finally:
            os._exit(0)
    child = int(os.read(reader, 100))
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)

    os.close(writer)
    assert b"" == os.read(reader, 1), f"{child} has the pipe open"


def test_the_work_is_the_first_to_go_when_memory_runs_out():
    """If memory runs out, the kernel kills the work and not the process that started it."""
    assert {"score": "1000"} == in_fork(lambda: {"score": Path("/proc/self/oom_score_adj").read_text().strip()}, 30)
