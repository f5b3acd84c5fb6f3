"""Checks the limits that the system sets for a process (getrlimit(2)), before anything else is done."""

import resource
from typing import Final

from service.config.refusals import NO_ROOM, Refused

# What any process of the server keeps open, a few connections, and what a reload needs for a moment.
DESCRIPTORS: Final = 30
DESCRIPTORS_FOR_EACH_WORKER: Final = 2
# Bytes of address space, which is more than memory, that the interpreter and its libraries take before any model is
# loaded. With less they crash.
ADDRESS_SPACE: Final = 192 * 2**20


def check(workers: int) -> None:
    """Raise the soft limit of descriptors to what `workers` workers need; raises Refused if a limit is too low."""
    needed = DESCRIPTORS + DESCRIPTORS_FOR_EACH_WORKER * workers
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY != hard < needed:
        raise Refused(
            NO_ROOM,
            f"{hard} descriptors (ulimit -n): expected at least {needed} for WEB_CONCURRENCY={workers}; allow more, or "
            "start fewer workers.",
        )
    if resource.RLIM_INFINITY != soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    addresses = resource.getrlimit(resource.RLIMIT_AS)[0]
    if resource.RLIM_INFINITY != addresses < ADDRESS_SPACE:
        raise Refused(
            NO_ROOM,
            f"{addresses >> 10} KiB of address space (ulimit -v): expected at least {ADDRESS_SPACE >> 10}; allow more.",
        )
