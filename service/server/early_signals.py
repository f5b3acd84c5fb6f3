"""How the master takes signals before it takes requests: to stop, it ends at once and without a word; others wait.

Where nothing handles a signal the kernel ends the process, also in the middle of native code, which a handler of
Python's would have to wait for. Only the first process of a container is spared (pid_namespaces(7)), so it needs one.
"""

import os
import signal
import sys
from typing import Any, Final

STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# What gunicorn's master takes besides. SIGHUP says that there is another bundle, so it must not be lost either.
OTHERS: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU)
_NOBODY: Final = (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler)


def at_once() -> None:
    """Let a signal to stop end this process wherever it is; have others wait. What is handled stays as it is."""
    for number in STOPS:
        if signal.getsignal(number) in _NOBODY:
            signal.signal(number, _exit if os.getpid() == 1 else signal.SIG_DFL)
    for number in OTHERS:
        if signal.getsignal(number) in _NOBODY:
            signal.pthread_sigmask(signal.SIG_BLOCK, {number})
            signal.signal(number, signal.SIG_DFL)


def tidily() -> None:
    """Let it end this process as an exit does, with what is to be done at exit; for while nothing takes long."""
    for number in STOPS:
        if signal.getsignal(number) in (signal.SIG_DFL, _exit):
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def take_others() -> None:
    """Let the signals that have waited come, now that they are handled."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OTHERS)


def _exit(number: int, _: Any) -> None:
    os._exit(128 + number)
