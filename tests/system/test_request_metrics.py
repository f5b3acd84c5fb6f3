"""Metrics of prediction requests from a real server: they add up to what clients have sent and seen."""

import bisect
import json
import os
import re
import signal
import threading
import time
from random import Random

from tests.badinput import JSON, ROW
from tests.system.conftest import eventually
from tests.system.sleeping import sleeping

WHOLE = json.dumps({"instances": [ROW, ROW]}).encode()
EACH, CLIENTS = 200, 4


def exposition(server):
    """Return the value of each series, by the series as it is written."""
    with server.connect() as connection:
        text = connection.ask("GET", "/metrics")[2].decode()
    found = re.findall(r"^mlservice_(\S+|\S+\{.*\}) (\S+)$", text, re.MULTILINE)
    return {name: float(value) for name, value in found}


class Load:
    """What clients have sent and seen: answers, rows, bytes, refusals."""

    def __init__(self, server):
        self.server, self.sizes, self.refused = server, [], []

    def _client(self):
        with self.server.connect() as connection:
            for count in range(EACH):
                content = b"[]" if count % 10 == 9 else WHOLE
                status, _, body = connection.ask("POST", "/predict", content, JSON)
                (self.sizes if status == 200 else self.refused).append(len(body))

    def send(self):
        """Send requests from several clients at once, of which a tenth are refused."""
        clients = [threading.Thread(target=self._client) for _ in range(CLIENTS)]
        for each in clients:
            each.start()
        for each in clients:
            each.join()


def expected(load):
    """Return the series that say what was sent."""
    answers, refused = len(load.sizes), len(load.refused)
    return {
        'requests_total{code="ok",protocol="native",status="2xx"}': answers,
        'request_duration_seconds_count{outcome="ok",protocol="native"}': answers,
        'request_duration_seconds_count{outcome="refused",protocol="native"}': refused,
        'phase_duration_seconds_count{phase="read"}': answers + refused,
        'phase_duration_seconds_count{phase="queue"}': answers + refused,
        'phase_duration_seconds_count{phase="parse"}': answers + refused,
        'phase_duration_seconds_count{phase="predict"}': answers,
        'phase_duration_seconds_count{phase="encode"}': answers,
        "request_rows_count": answers,
        "request_rows_sum": 2 * answers,
        "response_size_bytes_count": answers,
        "response_size_bytes_sum": sum(load.sizes),
    }


def test_sums_equal_what_was_sent_over_workers_that_are_killed_and_reloaded(serve):
    """What is written in batches is there within a moment, from any worker, and stays when its worker is killed."""
    server = serve(WEB_CONCURRENCY="2")
    load = Load(server)

    def add_up():
        return eventually(lambda: expected(load).items() <= exposition(server).items(), "the sums")

    load.send()
    assert EACH * CLIENTS == len(load.sizes) + len(load.refused)
    add_up()
    gone = eventually(server.workers, "workers")
    os.kill(gone[0], signal.SIGKILL)
    eventually(lambda: server.without(gone[:1]), "a new worker")
    add_up()
    load.send()
    before = eventually(server.workers, "workers")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(before), "a reload")
    add_up()


def quantile(buckets, share):
    """Return the index of the bucket that a quantile falls in; `buckets` are cumulative."""
    return next(index for index, count in enumerate(buckets) if count >= share * buckets[-1])


def test_quantiles_are_those_that_clients_see_within_one_bucket(serve, sleeper):
    """Of predictions that take from nothing to a quarter of a second, in two workers."""
    server, seen, drawn = serve(**sleeper, WEB_CONCURRENCY="2"), [], Random(16)
    durations = [drawn.choice((0, 0.008, 0.04, 0.15)) for _ in range(40)]

    def ask(mine):
        with server.connect() as connection:
            for seconds in mine:
                start = time.monotonic()
                assert 200 == connection.predict(sleeping(seconds))[0]
                seen.append(time.monotonic() - start)

    clients = [threading.Thread(target=ask, args=[durations[place::4]]) for place in range(4)]
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    name = re.compile(r'request_duration_seconds_bucket\{le="(.+)",outcome="ok",protocol="native"\}')
    found = sorted((float(match[1]), value) for key, value in exposition(server).items() if (match := name.match(key)))
    bounds, counts = [bound for bound, _ in found], [count for _, count in found]

    assert len(durations) == counts[-1]
    for share in (0.25, 0.5, 0.75, 0.9):
        of_clients = bisect.bisect_left(bounds, sorted(seen)[int(share * len(seen)) - 1])
        assert abs(quantile(counts, share) - of_clients) <= 1, (share, sorted(seen), found)


def test_a_slow_sender_is_seen_in_reading_and_not_in_the_duration(serve):
    """The first byte starts the phase `read`, the last one ends it."""
    server = serve(WEB_CONCURRENCY="1")
    with server.connect() as connection:
        connection.raw.putrequest("POST", "/predict")
        connection.raw.putheader("Content-Type", JSON)
        connection.raw.putheader("Content-Length", str(len(WHOLE)))
        connection.raw.endheaders()
        server.predict({"features": ROW})  # the head has come meanwhile
        began = time.monotonic()
        eventually(lambda: time.monotonic() - began > 0.5, "half a second")
        connection.raw.send(WHOLE)
        assert 200 == connection.raw.getresponse().status

    found = eventually(
        lambda: (all_of := exposition(server))['phase_duration_seconds_count{phase="read"}'] == 2 and all_of, "counted"
    )
    assert found['phase_duration_seconds_sum{phase="read"}'] >= 0.5
    assert found['phase_duration_seconds_bucket{le="0.5",phase="read"}'] == 1
    assert found['request_duration_seconds_bucket{le="0.5",outcome="ok",protocol="native"}'] == 2


def test_random_requests_add_no_series(serve):
    """Whatever is sent on the wire: methods, paths, names and headers, also such as no HTTP is made of."""
    server, drawn = serve(WEB_CONCURRENCY="2"), Random(16)
    before = set(exposition(server))

    def word():
        return bytes(drawn.choices(range(33, 256), k=drawn.randint(1, 20)))

    for _ in range(300):
        method = drawn.choice((b"POST", b"GET", word()))
        path = drawn.choice((b"/predict", b"/v2/models/%b/infer", b"/%b")).replace(b"%b", word())
        body = json.dumps({"instances": [{word().decode("latin-1"): 1}]}).encode()
        fields = b"X-Request-ID: %b\r\ntraceparent: %b\r\n%b: x" % (word(), word(), word())
        length = b"Content-Type: application/json\r\nContent-Length: %d" % len(body)
        with server.connect() as connection:
            connection.raw.connect()
            connection.raw.sock.sendall(
                b"%b %b HTTP/1.1\r\nHost: x\r\n%b\r\n%b\r\n\r\n" % (method, path, fields, length)
            )
            head = b"%b %b HTTP/1.1\r\nHost: x\r\n%b\r\n%b\r\n\r\n" % (method, path, fields, length)
            connection.raw.sock.sendall(head + body)
            connection.raw.sock.recv(12)

    assert before == set(exposition(server))
