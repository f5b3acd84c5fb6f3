"""gunicorn's hooks, called as gunicorn calls them."""

from types import SimpleNamespace

from service.process_table import ProcessTable
from service.server import hooks


def test_a_worker_takes_the_lowest_free_slot():
    """Slots are as many as workers were ever alive at once."""
    hosted = SimpleNamespace(processes=ProcessTable(), make_room=bool)
    arbiter = SimpleNamespace(WORKERS={}, hosted=hosted)
    for expected in ("w0", "w1", "w2"):
        worker = SimpleNamespace()
        hooks.pre_fork(arbiter, worker)
        arbiter.WORKERS[expected] = worker
        assert expected == worker.slot
    del arbiter.WORKERS["w1"]

    worker = SimpleNamespace()
    hooks.pre_fork(arbiter, worker)

    assert "w1" == worker.slot
