"""How the master ends when it is told to stop before it takes requests: at once, and without a word.

Where nothing handles a signal the kernel ends the process, also in the middle of native code, which a handler of
Python's would have to wait for. Only the first process of a container is spared (pid_namespaces(7)), so it needs one.
"""

import os
import signal
import sys
from typing import Any, Final

STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


def at_once() -> None:
    """Let a signal to stop end this process wherever it is, unless something handles the signal already."""
    for number in STOPS:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, _exit if os.getpid() == 1 else signal.SIG_DFL)


def tidily() -> None:
    """Let it end this process as an exit does, with what is to be done at exit; for while nothing takes long."""
    for number in STOPS:
        if signal.getsignal(number) in (signal.SIG_DFL, _exit):
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def _exit(number: int, _: Any) -> None:
    os._exit(128 + number)
