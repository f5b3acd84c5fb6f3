"""Which connection service.server.connections closes to make room, where a worker has as many as it may."""

import socket
from contextlib import ExitStack
from dataclasses import replace

import pytest

from service.config.settings import Settings
from service.server import connections
from service.server.connections import Connections
from service.server.event_loop import EventLoop
from service.server.interfaces import NO_EVENTS

HALF = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Le"
SETTINGS = Settings.from_env({"MAX_BODY_BYTES": str(1 << 20)})


class Clock:
    """Time, as far as the connections see it."""

    now = 100.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(connections, "time", clock)
    return clock


def close_one(clock, idle_age, transfer_age):
    """Have an idle connection and one with half a request, make room, and return which kinds were closed."""
    loop, closed = EventLoop(), []
    events = replace(NO_EVENTS, connection_closed=closed.append)
    held = Connections(loop, SETTINGS, 75.0, events, lambda _: None, lambda _: None)
    now = clock.now
    with ExitStack() as stack:
        stack.callback(loop.close)
        for age, content in sorted([(idle_age, b""), (transfer_age, HALF)], reverse=True):
            clock.now = now - age
            client, served = map(stack.enter_context, socket.socketpair())
            client.sendall(content)
            held.add(served, ("127.0.0.1", 1), ("127.0.0.1", 2))
            if content:
                loop.turn(1.0)
        clock.now = now
        assert held.make_room()
        clock.now += 75.0
        held.end_overdue()
    return closed


@pytest.mark.parametrize(
    ("idle_age", "transfer_age", "closed"),
    [
        (3.0, 5.0, "slow"),
        (5.0, 3.0, "idle"),
        (0.08, 0.1, "idle"),  # a request may come in several pieces
        (0.003, 0.102, "slow"),  # the client has only just connected
        (0.003, 0.05, "slow"),
    ],
)
def test_the_connection_is_closed_that_has_waited_longest_for_its_client(clock, idle_age, transfer_age, closed):
    """Half a request has a moment to become whole, unless that costs a client its place that has only just come."""
    assert close_one(clock, idle_age, transfer_age) == [closed]
