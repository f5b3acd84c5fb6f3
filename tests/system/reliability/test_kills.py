"""Workers that are killed take with them what they were working on, and nothing else."""

import os
import re
import signal
import statistics
import threading
import time
from contextlib import suppress
from pathlib import Path

from tests.system.conftest import eventually
from tests.system.reliability.figures import scaled
from tests.system.reliability.load import PREDICT, Load, ask

THREADS, RUNS = 8, 3
PERIOD_SECONDS = 1.0
RECYCLED_AT_ONCE = 8


class Watch:
    """Scrapes the counters while a block runs."""

    def __init__(self, server):
        self._server, self.values, self._done = server, [], threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        while not self._done.wait(0.05):
            with suppress(OSError):  # the worker that was asked may be the one that is killed
                self.values.append(self._server.metric("requests_total"))

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


class Fresh(Load):
    """Clients that open a connection for each request: none is idle on a worker when that is killed."""

    def _run(self, offset):
        while not self._done.wait(0.002):
            with self.front.connect() as connection:
                self.answers.append(ask(connection, PREDICT))


def kill_one(server):
    """Kill a worker; returns when, and after how many seconds all workers are ready again."""
    victim = eventually(server.workers, "workers")[-1]
    at = time.monotonic()
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: server.without([victim]), "full capacity")
    return at, time.monotonic() - at


def killing(server, seconds):
    """Kill a worker each second under load; asserts what must hold on any machine; returns the load and the kills."""
    load, kills, end = Fresh(server.port, clients=8), [], time.monotonic() + seconds
    load.front = server
    with load, Watch(server) as watch:
        while time.monotonic() < end:
            kills.append(kill_one(server))
            time.sleep(max(0.0, PERIOD_SECONDS - kills[-1][1]))

    lost_at = [[lost for lost in load.lost if lost.at <= at <= lost.at + lost.seconds] for at, _ in kills]
    assert {0, 200} >= load.statuses()
    assert len(load.lost) == sum(map(len, lost_at))
    assert max(map(len, lost_at)) <= THREADS
    assert watch.values == sorted(watch.values)
    return load, kills, watch


def test_a_killed_worker_costs_only_what_it_had_in_flight(serve, figure):
    """Killed every second: losses only at a kill, no more than a worker's threads; counters never fall.

    Full capacity is back in time after each kill, in the first of three runs that no other work on the machine spoils.
    """
    server = serve(WEB_CONCURRENCY="2", THREADS=str(THREADS))
    for _ in range(RUNS):
        load, kills, watch = killing(server, scaled(30, 8))
        slowest = max(seconds for _, seconds in kills)
        if slowest < 1:
            break

    section, what = "kill -9", f"{len(kills)} workers killed"
    figure(
        section, f"{what}: requests lost", "those in flight on the worker", f"{len(load.lost)} of {len(load.answers)}"
    )
    figure(section, f"{what}: counters", "never fall", f"0 falls in {len(watch.values)} scrapes")
    figure(section, f"{what}: full capacity again", "within 1 s", f"{slowest:.2f} s at most")
    assert slowest < 1


def shared_folder(server):
    maps = Path(f"/proc/{server.process.pid}/maps").read_text()
    (path,) = set(re.findall(r"(/\S+)/counter_\w+\.db", maps))
    return Path(path)


def files_of_metrics(folder):
    """Return the names of the files that exist from the start; a slot's drift file is made later, and kept."""
    names = {path.name for path in folder.iterdir()}
    slots = {name.removeprefix("counter_").removesuffix(".db") for name in names if name.startswith("counter_")}
    return names - {f"{prefix}{slot}" for slot in slots for prefix in ("drift-", ".drift-")}


def scrape_seconds(server):
    """Return the median time of a scrape."""
    with server.connect() as connection:
        answers = [ask(connection, ("GET", "/metrics")) for _ in range(100)]
    assert {200} == {answer.status for answer in answers}
    return statistics.median(answer.seconds for answer in answers)


def test_a_thousand_recycled_workers_leave_nothing_behind(serve, figure):
    """After a thousand workers were replaced, the metric files and the time of a scrape are as before."""
    server, count = serve(WEB_CONCURRENCY=str(RECYCLED_AT_ONCE)), scaled(1000, 80)
    folder = shared_folder(server)
    seconds, files = scrape_seconds(server), files_of_metrics(folder)
    for _ in range(count // RECYCLED_AT_ONCE):
        workers = eventually(server.workers, "workers")
        for worker in workers:
            os.kill(worker, signal.SIGKILL)
        eventually(lambda gone=workers: server.without(gone), "new workers")

    now = scrape_seconds(server)
    assert files == files_of_metrics(folder)
    what = f"{count} workers recycled"
    figure("kill -9", f"{what}: files of metrics", "as many as before", f"{len(files)} before and after")
    figure("kill -9", f"{what}: a scrape", "as fast as before", f"{1e3 * seconds:.1f} ms, then {1e3 * now:.1f} ms")
    assert now < 1.5 * seconds + 0.002
