"""Ends a worker whose master has gone, for whatever reason: nothing manages it any more, so it must not linger."""

import ctypes
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final

LOOK_SECONDS: Final = 0.25


def when_gone(parent: int, then: Callable[[], None]) -> None:
    """Call a function in a thread when the parent has gone; raises RuntimeError if no thread can be started."""

    def wait() -> None:
        _wait_for(parent)
        then()

    threading.Thread(target=wait, name="orphan", daemon=True).start()


def _wait_for(parent: int) -> None:
    with suppress(OSError):
        poll = select.poll()
        poll.register(os.pidfd_open(parent), select.POLLIN)
        poll.poll()
    while os.getppid() == parent:  # the kernel has no pidfd_open(2), or a sandbox hides it
        time.sleep(LOOK_SECONDS)


def end_soon_after(parent: int, end_with_parent: Callable[[int, int], None]) -> None:
    """Have the kernel end this process two seconds after its parent, even if a prediction holds the interpreter's lock.

    No Python code runs then. So `end_with_parent` has the kernel send SIGINT when the parent ends, and the handler is
    alarm(2) itself. It is called with the signal's number, which is 2, so the alarm ends the process after two seconds.
    """
    libc = ctypes.CDLL(None)
    libc.signal(signal.SIGINT, ctypes.cast(libc.alarm, ctypes.c_void_p))
    end_with_parent(parent, signal.SIGINT)


def stop_listening(listeners: Iterable[Any]) -> None:
    """Close the listeners of a busy main loop: replace each by a socket to which nobody ever connects."""
    for listener in tuple(listeners):
        with socket.socket(socket.AF_UNIX) as never:
            never.bind("")  # the kernel chooses an address, which nobody knows (unix(7))
            never.listen()
            never.setblocking(False)  # noqa: FBT003  # the socket's interface
            os.dup2(never.fileno(), listener.fileno(), inheritable=False)
