"""A full directory of metrics costs no request and no worker, and counting goes on."""

import signal
from pathlib import Path

import pytest

from tests.system.conftest import eventually
from tests.system.reliability.load import Load
from tests.system.reliability.test_faults import all_right
from tests.system.reliability.test_kills import shared_folder

# A /dev/shm of its own for the server, so small that it is soon full.
OWN_SHM = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=16m tmpfs /dev/shm && exec "$@"', "sh"]


def fill(folder):
    with (folder / "full").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
        for _ in range(16 << 8):
            filler.write(bytes(1 << 12))


def test_a_full_directory_of_metrics_costs_no_request(serve, report):
    """A full directory of metrics ends no worker, not even one that starts in it, and no count is wrong."""
    server = serve(prefix=OWN_SHM, WEB_CONCURRENCY="2")
    folder = Path(f"/proc/{server.process.pid}/root{shared_folder(server)}")
    workers = eventually(server.workers, "workers")
    with Load(server.port, clients=4, rate=100) as load:
        eventually(lambda: len(load.answers) > 50, "load")
        fill(folder)
        assert workers == server.workers()
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: server.without(workers), "new workers")
        seen = len(load.answers)
        eventually(lambda: len(load.answers) > seen + 100, "load")

    assert all_right(load)
    assert len(load.answers) == server.metric("requests_total")
    report("the directory of the metrics full", load, "all counted")


def test_a_worker_beyond_those_that_room_was_taken_for_serves_and_it_is_said(serve, report):
    """Space is allocated for all workers and their successors; one more finds none, counts for itself and logs it."""
    server = serve(prefix=OWN_SHM, WEB_CONCURRENCY="1")
    folder = Path(f"/proc/{server.process.pid}/root{shared_folder(server)}")
    eventually(server.workers, "workers")
    fill(folder)
    with Load(server.port, clients=4, rate=100) as load:
        server.process.send_signal(signal.SIGTTIN)
        eventually(lambda: len(server.workers()) == 2, "the one that has room")
        server.process.send_signal(signal.SIGTTIN)
        eventually(lambda: server.metric("unshared_workers_total") == 1, "a worker without room")
        seen = len(load.answers)
        eventually(lambda: len(load.answers) > seen + 100, "load")

    assert all_right(load)
    assert 1 == server.errors.count("no room for the metrics of a worker")
    report("one worker more, and no room for its metrics", load, "counted, said on stderr")
