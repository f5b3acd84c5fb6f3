"""A service's bad day in short: steady requests, callers' mistakes, an overload, a killed worker, a reload, drift."""

import json
import os
import shutil
import signal
import threading
import time
from contextlib import suppress
from http.client import HTTPException

import numpy as np

from tests.badinput import JSON
from tests.system.conftest import DEADLINE, Connection, eventually

CONTRACTS, PAYMENTS = ["month to month", "one year", "two years"], ["card", "direct debit", "invoice"]
# When what happens, in parts of the whole.
OVERLOAD, KILL, RELOAD, DRIFT = (0.2, 0.3), 0.42, 0.52, 0.68
CROWD, PAUSE = 24, 0.02  # clients of the overload, and what they wait between requests, in seconds


def customers(chance, count, *, drifting):
    """Draw rows as those of training were; or dearer ones, some with an unknown contract, fewer with an age."""
    charge = chance.normal(62, 21, count).clip(18, 130) + (25 if drifting else 0)
    age = np.where(
        chance.random(count) < (0.35 if drifting else 0.12), np.nan, chance.normal(46, 15, count).clip(18, 90)
    )
    contracts, chances = (
        ([*CONTRACTS, "weekly"], [0.4, 0.25, 0.2, 0.15]) if drifting else (CONTRACTS, [0.55, 0.25, 0.2])
    )
    columns = {
        "tenure_months": chance.gamma(2, 14, count).round().tolist(),
        "monthly_charge": charge.round(2).tolist(),
        "age": [None if np.isnan(each) else round(each) for each in age],
        "support_calls": chance.poisson(1.2, count).tolist(),
        "contract": chance.choice(contracts, count, p=chances).tolist(),
        "payment": chance.choice(PAYMENTS, count, p=[0.5, 0.3, 0.2]).tolist(),
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def post(document, path="/predict"):
    return "POST", path, json.dumps(document), JSON


def asked(chance, drifting):
    """Return some requests: single rows, small batches in three protocols, and the mistakes that callers make."""
    rows = customers(chance, 60, drifting=drifting)
    wrong = rows[0] | {"age": "unknown"}
    lacking = {name: value for name, value in rows[1].items() if name != "payment"}
    mistakes = [
        post({"features": wrong}),
        post({"features": lacking}),
        ("GET", "/predictions", None, None),
        ("POST", "/predict", "{", JSON),
    ]
    batches = [
        post({"instances": rows[40:]}),
        post({"instances": rows[30:40]}, "/v1/models/churn:predict"),
        post({"dataframe_records": rows[20:30]}, "/invocations"),
    ]
    some = [post({"features": row}) for row in rows[:40]] + batches + [mistakes[chance.integers(len(mistakes))]]
    return [some[at] for at in chance.permutation(len(some))]


class Story:
    """Asks a server for so many seconds, and does to it what happens to servers."""

    def __init__(self, server, bundle, following, seconds, rate=80):
        self._server, self._bundle, self._following = server, bundle, following
        self._seconds, self._pause, self._done = seconds, 1 / rate, threading.Event()

    def run(self, seen):
        """Live through all of it; return when it began and ended, which is when the end was seen."""
        began, self._start = time.time(), time.monotonic()
        clients = [threading.Thread(target=self._steadily, args=(number,)) for number in range(2)]
        clients += [threading.Thread(target=self._overload) for _ in range(CROWD)]
        for client in clients:
            client.start()
        try:
            self._until(KILL)
            os.kill(eventually(self._server.workers, "ready workers")[0], signal.SIGKILL)
            self._until(RELOAD)
            shutil.copytree(self._following, self._bundle, dirs_exist_ok=True)
            self._server.process.send_signal(signal.SIGHUP)
            self._until(1)
            eventually(seen, "the end is seen")
            return began, time.time()
        finally:
            self._done.set()
            for client in clients:
                client.join(DEADLINE)

    def _part(self):
        return (time.monotonic() - self._start) / self._seconds

    def _until(self, part):
        self._done.wait(max(0, self._start + part * self._seconds - time.monotonic()))

    def _ask(self, connection, request):
        """Ask; a connection that a killed worker held is opened anew."""
        with suppress(OSError, HTTPException):
            connection.ask(*request)
            return connection
        connection.raw.close()
        return Connection(self._server.port)

    def _steadily(self, number):
        chance, connection = np.random.default_rng(number), Connection(self._server.port)
        while not self._done.is_set():
            for request in asked(chance, self._part() > DRIFT):
                connection = self._ask(connection, request)
                if self._done.wait(self._pause):
                    break
        connection.raw.close()

    def _overload(self):
        """Ask for more than there is capacity for, while it is time for that."""
        self._until(OVERLOAD[0])
        connection = Connection(self._server.port)
        request = post({"instances": customers(np.random.default_rng(1), 1000, drifting=False)})
        while self._part() < OVERLOAD[1] and not self._done.is_set():
            connection = self._ask(connection, request)
            self._done.wait(PAUSE)
        connection.raw.close()
