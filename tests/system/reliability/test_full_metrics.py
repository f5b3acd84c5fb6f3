"""A directory of metrics that is full costs no request and no worker, and counts go on."""

import signal
from pathlib import Path

import pytest

from tests.system.conftest import eventually
from tests.system.reliability.load import Load
from tests.system.reliability.test_faults import all_right
from tests.system.reliability.test_kills import shared_folder

# A /dev/shm of its own for the server, so small that it is soon full.
OWN_SHM = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=16m tmpfs /dev/shm && exec "$@"', "sh"]


def test_a_full_directory_of_metrics_costs_no_request(serve, report):
    """Nor does it end workers, also ones that start when it is full already; and counts are not wrong."""
    server = serve(prefix=OWN_SHM, WEB_CONCURRENCY="2")
    folder = Path(f"/proc/{server.process.pid}/root{shared_folder(server)}")
    workers = eventually(server.workers, "workers")
    with Load(server.port, clients=4, rate=100) as load:
        eventually(lambda: len(load.answers) > 50, "load")
        with (folder / "full").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space"):
            for _ in range(16 << 8):
                filler.write(bytes(1 << 12))
        assert workers == server.workers()
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: server.without(workers), "new workers")
        seen = len(load.answers)
        eventually(lambda: len(load.answers) > seen + 100, "load")

    assert all_right(load)
    assert len(load.answers) == server.metric("requests_total")
    report("the directory of the metrics full", load, "all counted")
