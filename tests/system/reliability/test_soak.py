"""Very many good and bad requests: memory and descriptors do not grow."""

import itertools
import statistics
import threading
from collections import Counter
from pathlib import Path

from tests.badinput import BAD
from tests.system.conftest import Connection, eventually
from tests.system.reliability.figures import scaled
from tests.system.reliability.load import PREDICT, ask

CLIENTS = 4
MEGABYTE = 2**20
# Every kind of bad input of the tests, but for those that are large: they measure the network.
SMALL = [(bad.method, bad.path, bad.body, bad.content_type) for bad in BAD if len(bad.body) < 10_000]


class Soak:
    """Clients that send one good request, one bad, and so on, until together they have sent so many."""

    def __init__(self, port, count):
        self._port, self._left = port, iter(range(count))
        self._each, self.sent = [Counter() for _ in range(CLIENTS)], 0

    def run(self):
        threads = [threading.Thread(target=self._client, args=(statuses,)) for statuses in self._each]
        for thread in threads:
            thread.start()
        return threads

    @property
    def statuses(self):
        return sum(self._each, Counter())

    def _client(self, statuses):
        connection, bad = Connection(self._port), itertools.cycle(SMALL)
        for number in self._left:
            answer = ask(connection, next(bad) if number % 2 else PREDICT)
            statuses[answer.status] += 1
            self.sent = number
        connection.raw.close()


def usage(pids):
    """Return the memory of processes that is no file's, in bytes, and the number of their descriptors.

    What is mapped from files counts more or less with who else maps them, which is not these processes' doing.
    """
    rollups = [Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in pids]
    memory = sum(int(text.split("Anonymous:")[1].split()[0]) * 1024 for text in rollups)
    return memory, sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids)


def test_memory_and_descriptors_stay_what_they_were(serve, figure):
    """Under 1 MB for each 100,000 requests, once half of them have warmed up; no 5xx; the same processes at the end.

    The window of drift is small, so that it is full before. What allocators keep grows less and less for 200,000
    requests: a shorter run is still in that, and shows no more than that a request leaves less than 80 bytes behind.
    """
    server, count = serve(WEB_CONCURRENCY="2", LOG_SHARE="0", DRIFT_ROWS="500"), scaled(400_000, 30_000)
    workers = eventually(server.workers, "workers")
    pids, samples = [server.process.pid, *workers], []
    soak = Soak(server.port, count)
    threads = soak.run()
    while any(thread.is_alive() for thread in threads):
        threads[0].join(timeout=0.5)
        if soak.sent > count / 2:
            samples.append((soak.sent, *usage(pids)))

    slope = statistics.linear_regression(*list(zip(*samples, strict=True))[:2]).slope * 100_000 / MEGABYTE
    descriptors = {count for _, _, count in samples}
    assert workers == server.workers()
    report(figure, count, slope, descriptors, soak.statuses)
    assert not [status for status in soak.statuses if status >= 500 or not status]
    assert max(descriptors) - min(descriptors) <= 2 * CLIENTS  # which worker has which client's connection
    assert slope < scaled(1, 8)


def report(figure, count, slope, descriptors, statuses):
    """Write the figures of a soak."""
    what = f"{count:,} good and bad requests"
    figure("Soak", f"{what}: memory", "less than 1 MB for each 100,000", f"{slope:+.2f} MB")
    figure("Soak", f"{what}: descriptors", "constant", f"{min(descriptors)} to {max(descriptors)}")
    figure("Soak", f"{what}: answers", "none of 5xx", ", ".join(f"{n:,} of {s}" for s, n in sorted(statuses.items())))
