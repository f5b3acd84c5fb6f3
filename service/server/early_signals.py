"""Signals to the master before its main loop handles them: signals to stop end it at once, others wait.

If a signal has no handler, the kernel ends the process, even in the middle of native code. A Python handler would run
only afterwards. The kernel spares the first process of a container (pid_namespaces(7)), so that one needs a handler.
"""

import os
import signal
import sys
from typing import Any, Final

STOPS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
# The other signals that gunicorn's master handles. SIGHUP says that there is a new bundle, so it must not be lost.
OTHERS: Final = (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTTIN, signal.SIGTTOU)
_UNHANDLED: Final = (signal.SIG_DFL, signal.SIG_IGN, signal.default_int_handler)


def end_at_once() -> None:
    """Let signals to stop end this process at once, and block the others. Signals that have a handler keep it."""
    for number in STOPS:
        if signal.getsignal(number) in _UNHANDLED:
            signal.signal(number, _exit if os.getpid() == 1 else signal.SIG_DFL)
    for number in OTHERS:
        if signal.getsignal(number) in _UNHANDLED:
            signal.pthread_sigmask(signal.SIG_BLOCK, {number})
            signal.signal(number, signal.SIG_DFL)


def end_by_exit() -> None:
    """Let signals to stop end this process by an exit, which runs exit handlers; no native step may be long then."""
    for number in STOPS:
        if signal.getsignal(number) in (signal.SIG_DFL, _exit):
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def unblock() -> None:
    """Deliver the signals that have waited, now that there are handlers."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, OTHERS)


def _exit(number: int, _: Any) -> None:
    os._exit(128 + number)
