"""How many threads numerical libraries start in each process: one, unless the environment says otherwise.

Servers and commands use several processes instead. The libraries read the limits when they are imported, so the limits
have to be set first.
"""

from collections.abc import MutableMapping
from typing import Final

THREAD_LIMITS: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT")


def limit_threads(environ: MutableMapping[str, str]) -> None:
    """Set the limits that are not set; OpenMP threads in the master would make a worker's first prediction hang."""
    for name in THREAD_LIMITS:
        environ.setdefault(name, "1")
