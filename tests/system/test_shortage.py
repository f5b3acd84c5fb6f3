"""No process, thread, file or memory to be had: what is there goes on, and what is missing comes when there is room."""

import os
import resource
import signal
import subprocess
import threading
from pathlib import Path

from tests.badinput import ROW
from tests.system.conftest import eventually
from tests.system.sleeping import sleeping

NOBODY = "65534"
# Root may start as many processes as it likes.
AS_USER = ["setpriv", "--reuid", NOBODY, "--inh-caps=+dac_override", "--ambient-caps=+dac_override"]
PREFIX = {"prefix": AS_USER} if os.geteuid() == 0 else {}
MANY = resource.getrlimit(resource.RLIMIT_NPROC)[1]


def allow(pid, processes=MANY):
    """Limit the processes and threads that its user may have when a process starts one."""
    command = [*PREFIX.get("prefix", ()), "prlimit", "--pid", str(pid), f"--nproc={processes}:"]
    subprocess.run(command, check=True)


def said_once(server):
    return 1 == server.errors.count("a worker cannot be started; trying again: BlockingIOError")


def test_a_worker_that_cannot_be_forked_is_started_when_it_can_be(serve):
    """The others serve meanwhile; each failure is counted, and the first is told of."""
    server = serve(WEB_CONCURRENCY="2", **PREFIX)
    master, (lost, other) = server.process.pid, eventually(server.workers, "workers")
    allow(master, 1)
    os.kill(lost, signal.SIGKILL)
    eventually(lambda: server.metric("worker_starts_failed_total") >= 3, "tries")

    assert [other] == server.children()
    assert 200 == server.predict({"features": ROW})[0]
    assert said_once(server)
    allow(master)
    eventually(lambda: server.without([lost]), "a new worker")
    assert 0 == server.stop()
    assert "Traceback" not in server.errors


def test_a_reload_without_a_process_to_be_had_leaves_the_old_workers_serving(serve):
    """It is refused with a line, and works the next time."""
    server = serve(WEB_CONCURRENCY="1", **PREFIX)
    before = eventually(server.workers, "workers")
    allow(server.process.pid, 1)
    server.process.send_signal(signal.SIGHUP)
    eventually(
        lambda: "is not served, the old one stays: boot_failed: BlockingIOError: " in server.errors, "a line about it"
    )

    assert before == server.workers()
    allow(server.process.pid)
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(before), "new workers")


def test_a_worker_needs_no_thread_that_it_has_not_got(serve, sleeper):
    """All of them answer at once when no other can be started."""
    server = serve(**sleeper, WEB_CONCURRENCY="1", THREADS="4", PREDICTION_SLOTS="4", **PREFIX)
    (worker,) = eventually(server.workers, "workers")
    allow(worker, 1)
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(server.predict(sleeping(0.5))[0])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [200] * 4 == statuses
    assert [worker] == server.workers()


def test_descriptors_that_run_out_in_the_master_cost_no_worker_that_is_there(serve):
    """A new one needs a few; it is started when there are some again."""
    server = serve(WEB_CONCURRENCY="2")
    master, (lost, other) = server.process.pid, eventually(server.workers, "workers")
    limits = resource.prlimit(master, resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    os.kill(lost, signal.SIGKILL)
    eventually(lambda: server.metric("worker_starts_failed_total") >= 2, "tries")

    assert 200 == server.predict({"features": ROW})[0]
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "the old one stays: boot_failed: OSError: [Errno 24]" in server.errors, "a line about it")
    assert [other] == server.children()
    resource.prlimit(master, resource.RLIMIT_NOFILE, limits)
    eventually(lambda: server.without([lost]), "a new worker")
    assert "Traceback" not in server.errors


def test_when_memory_runs_out_a_worker_is_ended_and_not_the_master(serve):
    """It is replaced; nobody replaces the master."""
    server = serve(WEB_CONCURRENCY="1")

    def points(pid):
        return int(Path(f"/proc/{pid}/oom_score_adj").read_text())

    assert [points(server.process.pid) + 100] == [points(worker) for worker in eventually(server.workers, "workers")]
