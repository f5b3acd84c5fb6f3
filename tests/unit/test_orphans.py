"""Being told that the parent has gone, and listeners that are closed under who waits for them."""

import os
import select
import signal
import socket
import time

import pytest

from service.server.orphans import stop_listening, when_gone


def without_pidfd(_):
    raise OSError("not in this sandbox")


@pytest.mark.parametrize("replaced", [None, without_pidfd], ids=["pidfd_open", "no pidfd_open"])
def test_a_process_is_told_when_its_parent_has_gone(monkeypatch, replaced):
    """Also where the kernel does not offer to tell."""
    if replaced:
        monkeypatch.setattr(os, "pidfd_open", replaced)
    reader, writer = os.pipe()
    parent = os.fork()
    if not parent:
        try:
            if os.fork():
                signal.pause()
            when_gone(os.getppid(), lambda: (os.write(writer, b"gone"), os._exit(0)))
            os.write(writer, b"here")
            time.sleep(60)
        finally:
            os._exit(0)
    assert b"here" == os.read(reader, 4)
    assert ([], [], []) == select.select([reader], [], [], 0.1)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)

    assert b"gone" == os.read(reader, 4)
    os.close(reader)
    os.close(writer)


def test_a_listener_that_is_closed_under_a_loop_has_no_connection_for_it():
    """Who connects is refused; who accepts is told that there is nobody."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        address = listener.getsockname()
        stop_listening([listener])

        with pytest.raises(BlockingIOError):
            listener.accept()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address, timeout=30)
