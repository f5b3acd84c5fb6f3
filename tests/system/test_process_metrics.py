"""What a scrape says of the processes, their queues and their connections."""

import os
import re
import signal
import socket
from contextlib import ExitStack

from tests.badinput import JSON, ROW
from tests.system.conftest import eventually
from tests.system.sleeping import waiting
from tests.system.test_admission import ONE, at_once


def scraped(server):
    """Return the values of one scrape by series, without the prefix."""
    with server.connect() as connection:
        body = connection.ask("GET", "/metrics")[2].decode()
    return {name: float(value) for name, value in re.findall(r"^mlservice_(\S+) (\S+)$", body, re.MULTILINE)}


def seen(server, **expected):
    """Say whether a scrape has these values."""
    found = scraped(server)
    return found if {name: found.get(name) for name in expected} == expected else None


def connections(**expected):
    return {f'connections{{state="{state}"}}': count for state, count in expected.items()}


def workers(**expected):
    return {f'workers{{state="{state}"}}': count for state, count in expected.items()}


def of_workers(found, metric):
    """Return a metric's values by worker."""
    return {name.split('"')[1]: value for name, value in found.items() if name.startswith(f"{metric}{{")}


def test_saturation_is_a_ratio_of_what_is_used_to_what_there_is(serve, gate):
    """With all slots taken and all that may wait waiting, both ratios are 1; afterwards both are 0.

    Connections are told by what they do: of two others, one is idle, and one has sent half a request.
    """
    server = serve(**gate.model, **ONE, QUEUE_SECONDS="60", READ_SECONDS="60")
    with ExitStack() as stack:
        half, _ = (stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(2))
        half.sendall(f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Type: {JSON}\r\nContent-Length: 9\r\n\r\n".encode())
        at_once(stack, server, 12, waiting())
        stack.enter_context(gate)
        full = {"predicting_requests": 2.0, "prediction_slots": 2.0}
        full |= {"waiting_requests": 10.0, "waiting_requests_limit": 10.0}
        told_apart = connections(idle=1.0, reading=1.0, answering=13.0, sending=0.0)

        found = eventually(lambda: seen(server, **full, **told_apart), "full")
        assert 10_000 >= found["connections_limit"] > 100

    empty = full | {"predicting_requests": 0.0, "waiting_requests": 0.0}
    assert eventually(lambda: seen(server, **empty, **connections(idle=0.0, reading=0.0)), "empty")


def test_workers_have_their_memory_and_processor_time_through_kills_and_reloads(serve):
    """No counter falls when its worker is killed or replaced, and the memory of a worker that has gone disappears."""
    server = serve(WEB_CONCURRENCY="2")
    for _ in range(200):
        assert 200 == server.predict({"features": ROW})[0]
    before = eventually(lambda: seen(server, workers_configured=2.0, **workers(ready=2.0)), "ready")
    computed, memory = of_workers(before, "worker_cpu_seconds_total"), of_workers(before, "worker_memory_bytes")
    first = server.workers()

    assert {"master", "w0", "w1"} == computed.keys() == memory.keys()
    assert all(0 < value < 60 for value in computed.values())
    assert all(5e6 < value < 1e9 for value in memory.values())

    os.kill(first[0], signal.SIGKILL)
    second = eventually(lambda: server.without(first[:1]), "another worker")
    after = of_workers(scraped(server), "worker_cpu_seconds_total")
    assert [] == [name for name in computed if after[name] < computed[name]]

    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: server.without(second), "a reload")
    found = scraped(server)
    last = of_workers(found, "worker_cpu_seconds_total")
    assert {"master", "w2", "w3"} == of_workers(found, "worker_memory_bytes").keys()
    assert [] == [name for name in after if last[name] < after[name]]
    assert before["start_timestamp_seconds"] == found["start_timestamp_seconds"]


def test_workers_are_told_by_their_state(serve, gate):
    """One that finishes a request after it was told to stop is stopping; its slots count no more."""
    server = serve(**gate.model, WEB_CONCURRENCY="1", GRACE_SECONDS="60")
    one = {"workers_configured": 1.0, "prediction_slots": 4.0}
    assert seen(server, **one, **workers(ready=1.0, starting=0.0, stopping=0.0, hung=0.0))
    with ExitStack() as stack:
        at_once(stack, server, 1, waiting())
        stack.enter_context(gate)
        eventually(lambda: seen(server, predicting_requests=1.0), "predicting")
        server.process.send_signal(signal.SIGTTIN)
        two = {"workers_configured": 2.0, "prediction_slots": 8.0}
        assert eventually(lambda: seen(server, **two, **workers(ready=2.0)), "two workers")
        server.process.send_signal(signal.SIGTTOU)

        assert eventually(lambda: seen(server, **one, **workers(ready=1.0, stopping=1.0)), "the older one stops")

    assert eventually(lambda: seen(server, **one, **workers(ready=1.0, stopping=0.0)), "it has gone")
