"""A load generator: clients on kept-alive connections of their own, together at a set rate or as fast as they can."""

import json
import statistics
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException

from tests.badinput import JSON, ROW
from tests.system.conftest import DEADLINE, Connection, eventually

PREDICT = ("POST", "/predict", json.dumps({"features": ROW}), JSON)


@dataclass(frozen=True)
class Answer:
    """One request: when it was sent (monotonic seconds), how long it took, and its answer; status 0 without one."""

    at: float
    seconds: float
    status: int
    version: str
    body: bytes


class Load:
    """Sends `request` from `clients` threads while its block runs; `rate` is per second and for all of them.

    Each thread begins with `enter`. A request without an answer within `timeout` seconds is lost.
    """

    def __init__(
        self,
        port,
        clients,
        rate=None,
        request=PREDICT,
        enter=lambda: None,
        host="127.0.0.1",
        timeout=DEADLINE,
        **headers,
    ):
        self.address = port, host, timeout
        self.request, self.enter, self.headers, self.rate = request, enter, headers, rate
        self.answers = []
        self._pause = clients / rate if rate else 0.0
        self._done = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(place / clients,)) for place in range(clients)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        for thread in self._threads:
            thread.join(DEADLINE)
            assert not thread.is_alive()

    def _run(self, offset):
        self.enter()
        due = time.monotonic() + offset * self._pause
        connection = Connection(*self.address)
        while not self._done.wait(max(0.0, due - time.monotonic())):
            self.answers.append(ask(connection, self.request, **self.headers))
            # A client that has fallen behind sends at once, but does not make up for what it could not send.
            due = max(due + self._pause, time.monotonic() - self._pause)
        connection.raw.close()

    @property
    def lost(self):
        """Return the requests that got no answer."""
        return [answer for answer in self.answers if not answer.status]

    def statuses(self):
        return {answer.status for answer in self.answers}


@contextmanager
def watching(load, settled, report, *, lost=False):
    """Run a load with a rate from a second before the block to a second after it, and report its figures.

    Each request must have been answered with 200, unless some may be `lost`; `settled` are the seconds of a deadline.
    """
    with load as asked:
        start = time.monotonic()
        eventually(lambda: len(asked.answers) > asked.rate, "load", settled)
        yield asked
        after = len(asked.answers)
        eventually(lambda: len(asked.answers) > after + asked.rate, "load", settled)
        seconds = time.monotonic() - start
    failed = [answer for answer in asked.answers if answer.status != 200]
    slowest = max(answer.seconds for answer in asked.answers)
    report(f"{len(asked.answers)} requests, {seconds:.0f} s, {len(failed)} failed, slowest {slowest:.2f} s")
    assert lost or [] == failed, failed[:3]


def ask(connection, request=PREDICT, **headers):
    """Send one request, and return its answer."""
    start = time.monotonic()
    try:
        status, found, body = connection.ask(*request, **headers)
        version = found.get("X-Model-Version", "")
    except (OSError, HTTPException) as error:
        connection.raw.close()
        status, version, body = 0, "", repr(error).encode()
    return Answer(start, time.monotonic() - start, status, version, body)


def for_seconds(seconds, *arguments, **options):
    """Run a load for so long and return it; `rate` is then the answers with status 200 per second."""
    with Load(*arguments, **options) as load:
        time.sleep(seconds)  # the length of the measurement, not a wait for something
    load.rate = sum(answer.status == 200 for answer in load.answers) / seconds
    return load


def quantile(answers, share):
    """Return the seconds within which this share of the answers came."""
    return statistics.quantiles([answer.seconds for answer in answers], n=1000)[round(share * 1000) - 1]
