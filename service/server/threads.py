"""A thread pool that starts all its threads at once: none has to be started later, when memory may be short."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier


def started(count: int) -> ThreadPoolExecutor:
    """Return a pool with so many running threads; raises RuntimeError if one cannot be started."""
    pool, all_there = ThreadPoolExecutor(count), Barrier(count + 1)
    try:
        for _ in range(count):
            pool.submit(all_there.wait)
    except RuntimeError:
        all_there.abort()
        pool.shutdown(wait=False)
        raise
    all_there.wait()
    return pool
