"""The steps of a reload, with a swap and a master that only record what is asked of them."""

import logging
import signal
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace

import pytest

from service.config.refusals import Refused
from service.process_table import ProcessTable, WorkerStatus
from service.server.directory_watch import DirectoryWatch
from service.server.interfaces import MasterEvents
from service.server.reload import replace_model
from service.server.shutdown import Shutdown
from service.server.supervision import NotStarted, Supervision

OLD = 10


class Swap:
    """Replaces nothing; fails at the step that it is told to."""

    name, tried = "model 1", "state"

    def __init__(self):
        self.steps, self.fails = [], None

    def _step(self, name):
        self.steps.append(name)
        if name == self.fails:
            raise Refused("golden_mismatch", "it answers otherwise")

    def try_in_fork(self, meanwhile, first):
        self._step("try")

    def load(self):
        self._step("load")

    def prove(self):
        self._step("prove")

    def commit(self):
        self._step("commit")

    def roll_back(self):
        self._step("roll back")


class Master:
    """Has one old worker; starts new ones that are ready at once, or are gone, or cannot be started."""

    log, LISTENERS, num_workers = logging.getLogger("test"), (), 2

    def __init__(self, hosted, state):
        self.hosted, self.state, self.new, self.killed = hosted, state, WorkerStatus.READY, []
        self.shutdown, self.supervision = Shutdown(state, 0), Supervision(state, hosted.events, self.log)
        self.watch = DirectoryWatch(())
        self.WORKERS = {OLD: SimpleNamespace(slot="w0")}

    def spawn_worker(self):
        if self.new is None:
            raise NotStarted("BlockingIOError: no process to be had")
        number = len(self.WORKERS)
        self.state.set_status(f"w{number}", self.new)
        self.WORKERS[OLD + number] = SimpleNamespace(slot=f"w{number}", left=False)
        return OLD + number

    def kill_worker(self, pid, sig):
        self.killed.append((pid, sig))

    def look_after_workers(self):
        return True

    def reap_workers(self):
        self.WORKERS = {
            pid: worker
            for pid, worker in self.WORKERS.items()
            if pid == OLD or self.state.status_of(worker.slot) is not WorkerStatus.BOOTING
        }


@pytest.fixture
def parts():
    """Return what takes part in a reload, and how reloads ended."""
    ended, state, swap = [], ProcessTable(), Swap()
    events = MasterEvents(**{**dict.fromkeys([each.name for each in fields(MasterEvents)]), "reloaded": ended.append})
    hosted = SimpleNamespace(
        settings=SimpleNamespace(model_dir=Path("bundle"), boot_seconds=30.0), events=events, swap=swap
    )
    return SimpleNamespace(swap=swap, master=Master(hosted, state), ended=ended)


def test_old_workers_stop_when_all_new_ones_are_ready(parts):
    """Then the old model is given up."""
    replace_model(parts.master)

    assert ["try", "load", "commit"] == parts.swap.steps
    assert [(OLD, signal.SIGTERM)] == parts.master.killed
    assert [True] == parts.ended


@pytest.mark.parametrize("step", ["try", "load"])
def test_new_workers_serve_the_old_model_where_the_new_one_is_wrong(parts, caplog, step):
    """The failure is logged by its code, and counted."""
    parts.swap.fails = step
    replace_model(parts.master)

    assert [(OLD, signal.SIGTERM)] == parts.master.killed
    assert "the old one stays: golden_mismatch: it answers otherwise" in caplog.text
    assert [False] == parts.ended


@pytest.mark.parametrize("new", [WorkerStatus.BOOTING, None], ids=["ends while it boots", "cannot be started"])
def test_the_old_workers_stay_where_a_new_one_does_not_get_ready(parts, new):
    """The old model is put back."""
    parts.master.new = new
    replace_model(parts.master)

    assert ["try", "load", "roll back"] == parts.swap.steps
    assert OLD not in dict(parts.master.killed)
    assert [False] == parts.ended


def test_a_server_that_stops_starts_no_worker(parts, caplog):
    """Nor does it load anything."""
    parts.master.shutdown.signalled(signal.SIGINT)
    replace_model(parts.master)

    assert ["try", "roll back"] == parts.swap.steps
    assert [OLD] == list(parts.master.WORKERS)
    assert "the old one stays: the server is stopping" in caplog.text
