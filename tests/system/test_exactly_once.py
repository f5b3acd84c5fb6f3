"""Each request is counted and logged exactly once, whichever worker answers it."""

import os
import signal
import threading

from tests.badinput import ROW
from tests.system.conftest import background, eventually

CLIENTS = 8
EACH = 625


def send(server):
    """Send 5,000 requests from 8 clients at once."""
    statuses = []

    def client():
        with server.connect() as connection:
            statuses.extend(connection.predict({"features": ROW})[0] for _ in range(EACH))

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    assert [200] * CLIENTS * EACH == statuses


class Watch(threading.Thread):
    """Scrapes all the time; a scrape that a killed worker held ends with it, and at any other time that is a fault."""

    def __init__(self, server):
        super().__init__()
        self.server, self.counts, self.lost, self.faults = server, [], 0, []
        self.killing, self.done = threading.Event(), threading.Event()

    def run(self):
        while not self.done.wait(0.02):
            try:
                self.counts.append(self.server.metric("requests_total"))
            except ConnectionError as error:
                if not self.killing.is_set():
                    self.faults.append(error)
                self.lost += 1


def test_ten_thousand_requests_are_counted_and_logged_exactly_once(serve):
    """Whichever worker answers the scrape, and through kill -9 of each worker and a reload, counts neither fall."""
    server = serve(WEB_CONCURRENCY="2")
    watch = Watch(server)

    def expect(count):
        assert {float(count)} == {server.metric("requests_total") for _ in range(20)}

    with background(watch):
        try:
            send(server)
            expect(5_000)
            watch.killing.set()
            for worker in eventually(server.workers, "workers"):
                os.kill(worker, signal.SIGKILL)
                eventually(lambda gone=worker: server.without([gone]), "a new one")
                expect(5_000)
            watch.killing.clear()
            before = eventually(server.workers, "workers")
            server.process.send_signal(signal.SIGHUP)
            eventually(lambda: server.without(before), "a reload")
            expect(5_000)
            send(server)
            expect(10_000)
        finally:
            watch.done.set()

    assert [] == watch.faults
    assert watch.lost <= 2, "one for each worker that was killed"
    assert watch.counts == sorted(watch.counts)
    assert 10_000 == server.metric("request_duration_seconds_count")
    assert 10_000 == server.metric("rows_total")
    assert 0 == server.metric("in_progress_requests")
    lines = server.log()
    assert 10_000 == len({line["request_id"] for line in lines}) == len(lines)
    assert {"ok"} == {line["code"] for line in lines}
