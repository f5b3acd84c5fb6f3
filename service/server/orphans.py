"""What becomes of a worker whose master has gone, however that went: nobody replaces it, so it must not linger."""

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
    """Call a function, in a thread, when the parent has gone; raises RuntimeError where no thread is to be had."""

    def wait() -> None:
        _wait_for(parent)
        then()

    threading.Thread(target=wait, name="orphan", daemon=True).start()


def _wait_for(parent: int) -> None:
    with suppress(OSError):
        poll = select.poll()
        poll.register(os.pidfd_open(parent), select.POLLIN)
        poll.poll()
    while os.getppid() == parent:  # where the kernel has no pidfd_open(2), or a sandbox hides it
        time.sleep(LOOK_SECONDS)


def end_soon_after(parent: int, end_with_parent: Callable[[int, int], None]) -> None:
    """Have the kernel end this process two seconds after its parent, though a prediction holds the interpreter's lock.

    Nothing of Python's runs then. So `end_with_parent` has the kernel send SIGINT when the parent ends, and alarm(2)
    itself handles it: it is called with the number of the signal, 2, and the alarm ends the process in so many seconds.
    """
    libc = ctypes.CDLL(None)
    libc.signal(signal.SIGINT, ctypes.cast(libc.alarm, ctypes.c_void_p))
    end_with_parent(parent, signal.SIGINT)


def stop_listening(listeners: Iterable[Any]) -> None:
    """Close listeners under a main loop that is busy: where it looks for connections later, there are never any."""
    for listener in tuple(listeners):
        with socket.socket(socket.AF_UNIX) as never:
            never.bind("")  # an address that nobody knows (unix(7))
            never.listen()
            never.setblocking(False)  # noqa: FBT003  # the socket's interface
            os.dup2(never.fileno(), listener.fileno(), inheritable=False)
