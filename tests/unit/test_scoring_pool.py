"""Forked processes that work on batches in order."""

import os
import signal
import time
from contextlib import closing

import pytest

from service.scoring.pool import Pool
from service.scoring.stopped import Stopped


def work(batch):
    if batch.startswith(b"slow"):
        time.sleep(0.05)
    if batch == b"stop":
        raise Stopped("bad_columns", "no such column")
    if batch == b"raise":
        raise ValueError("of the model")
    return batch.upper()


def pool(do=work, count=2, warn=lambda _: None, ready=lambda: None):
    return closing(Pool(do, count, ready, warn))


def test_results_come_in_the_order_of_the_batches():
    """However long each takes, and however large it is."""
    batches = [b"slow" * 100_000, b"a", b"b", b"slow", *(b"%d" % number for number in range(20))]
    with pool() as workers:
        found = list(workers.work_on(enumerate(batches)))

    assert list(enumerate(batch.upper() for batch in batches)) == found


def test_few_batches_are_taken_before_results_are():
    """Memory is bounded: an endless input is not read ahead of what was written."""
    taken = []

    def endless():
        while True:
            taken.append(len(taken))
            yield len(taken), b"x"

    with pool() as workers:
        results = workers.work_on(endless())
        for _ in range(10):
            next(results)
            assert len(taken) <= 20

    assert len(taken) < 30


def test_a_process_that_dies_is_replaced_and_its_batch_is_done_again(tmp_path):
    """The result is complete, and what happened is told."""

    def die_once(batch):
        if batch == b"5" and not (tmp_path / "died").exists():
            (tmp_path / "died").touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return batch

    told = []
    with pool(die_once, warn=told.append) as workers:
        found = [result for _, result in workers.work_on((None, b"%d" % number) for number in range(10))]

    assert [b"%d" % number for number in range(10)] == found
    assert ["a process that scores ended (SIGKILL); its batch is given to another one."] == told


def test_a_batch_that_ends_two_processes_ends_the_run():
    """One line says how, so that whoever runs it can look at memory."""
    with (
        pool(lambda _: os.kill(os.getpid(), signal.SIGKILL)) as workers,
        pytest.raises(Stopped, match="SIGKILL") as error,
    ):
        list(workers.work_on([(None, b"x")]))

    assert "worker_died" == error.value.code


@pytest.mark.parametrize(("batch", "code"), [(b"stop", "bad_columns"), (b"raise", "failed")])
def test_what_a_process_raises_ends_the_run_with_its_code(batch, code):
    """The error crosses the processes as a code and a line."""
    with pool() as workers, pytest.raises(Stopped) as error:
        list(workers.work_on([(None, b"a"), (None, batch)]))

    assert code == error.value.code


def test_a_process_that_cannot_start_ends_the_run():
    """A model that does not prove itself there scores nothing."""

    def unready():
        raise Stopped("failed", "the golden rows differ")

    with pool(ready=unready) as workers, pytest.raises(Stopped, match="the golden rows differ"):
        list(workers.work_on([(None, b"a")]))
