"""What the machine allows a server: how many CPUs and connections, and whether its limits suffice (getrlimit(2))."""

import os
import resource
from pathlib import Path
from typing import Final

from service.config.refusals import NO_ROOM, Refused

CGROUP = Path("/sys/fs/cgroup")
MOST_CONNECTIONS = 10_000
OTHER_DESCRIPTORS = 64
# What any process of the server keeps open, a few connections, and what a reload needs for a moment.
DESCRIPTORS: Final = 30
DESCRIPTORS_FOR_EACH_WORKER: Final = 2
# Bytes of address space, which is more than memory, that the interpreter and its libraries take before any model is
# loaded. With less they crash.
ADDRESS_SPACE: Final = 192 * 2**20


def cpus(cgroup: Path = CGROUP) -> int:
    """Return how many whole CPUs the cgroup's quota allows: at most those of the affinity mask, at least 1.

    Reads `cpu.max` of cgroup v2 and `cpu/cpu.cfs_*_us` of v1 (kernel docs: admin-guide/cgroup-v2, scheduler/sched-bwc).
    """
    affinity = len(os.sched_getaffinity(0))
    quota = _quota(cgroup)
    return affinity if quota is None else max(1, min(affinity, int(quota)))


def _quota(cgroup: Path) -> float | None:
    v1 = cgroup / "cpu"
    for files in ([cgroup / "cpu.max"], [v1 / "cpu.cfs_quota_us", v1 / "cpu.cfs_period_us"]):
        try:
            quota, period = " ".join(path.read_text().strip() for path in files).split()
            if quota not in ("max", "-1"):
                return int(quota) / int(period)
        except (OSError, ValueError):
            continue  # this version of cgroups is not mounted here
    return None


def connections() -> int:
    """Return how many connections a worker may have: what the hard limit of descriptors allows, at most 10,000."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    return min(MOST_CONNECTIONS, max(hard - OTHER_DESCRIPTORS, hard // 2, 1))


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
