"""A pool whose threads are all there from the start, so that none has to be started when there is no room for one."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier


def started(count: int) -> ThreadPoolExecutor:
    """Return a pool of so many threads; raises RuntimeError when one cannot be started."""
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
