"""The event loop calls back for sockets, and for what other threads ask for."""

import socket
import threading

import pytest

from service.server.event_loop import READABLE, EventLoop

SECONDS = 30.0  # far longer than any of this takes


@pytest.fixture
def loop():
    loop = EventLoop()
    yield loop
    loop.close()


def test_what_another_thread_asks_for_is_called_here_in_order(loop):
    """It ends the wait for events."""
    called = []
    thread = threading.Thread(
        target=lambda: [loop.call(lambda n=n: called.append((n, threading.get_ident()))) for n in (1, 2)]
    )
    thread.start()
    thread.join()

    loop.turn(SECONDS)

    assert [(1, threading.get_ident()), (2, threading.get_ident())] == called


def test_what_is_asked_for_by_what_is_called_waits_for_the_next_turn(loop):
    """So that connections have their turn in between."""
    called = []
    loop.call(lambda: loop.call(lambda: called.append("second")))

    loop.turn(SECONDS)
    assert [] == called
    loop.turn(SECONDS)
    assert ["second"] == called


def test_more_calls_than_the_pipe_holds_wake_ups_for_are_all_made(loop):
    """The pipe is full at 64 KiB; no call is lost by that, and none waits for the loop."""
    called = []
    for number in range(100_000):
        loop.call(lambda number=number: called.append(number))

    loop.turn(SECONDS)

    assert list(range(100_000)) == called


def test_a_socket_is_watched_until_it_is_not(loop):
    """Whoever watches it gets the socket."""
    here, there = socket.socketpair()
    called = []
    with here, there:
        loop.watch(here, READABLE, called.append)
        there.send(b"x")
        loop.turn(SECONDS)
        loop.unwatch(here)
        loop.turn(0)

    assert [here] == called
