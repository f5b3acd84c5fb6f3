"""service.server.connections: what a request that arrives costs."""

import socket
import tracemalloc
from contextlib import ExitStack, closing

from service.config.settings import Settings
from service.server.connections import Connections
from service.server.event_loop import EventLoop
from service.server.interfaces import NO_EVENTS

SETTINGS = Settings.from_env({"MAX_BODY_BYTES": str(1 << 20)})
REQUEST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}"


def test_a_small_request_is_received_in_little_memory():
    """Not in as much as a large one may need: at the end of the heap, what stays there would have it grow."""
    arrived = []
    with ExitStack() as stack:
        loop = stack.enter_context(closing(EventLoop()))
        held = Connections(loop, SETTINGS, 75.0, NO_EVENTS, arrived.append, lambda _: None)
        client, served = map(stack.enter_context, socket.socketpair())
        held.add(served, ("127.0.0.1", 1), ("127.0.0.1", 2))
        client.sendall(REQUEST)
        stack.callback(tracemalloc.stop)
        tracemalloc.start()
        loop.turn(1.0)
        _, peak = tracemalloc.get_traced_memory()
        for conn in arrived:
            conn.close()

    assert [b"{}"] == [conn.request.body for conn in arrived]
    assert peak < 64 * 1024
