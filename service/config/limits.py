"""What the machine allows a worker: how many CPUs there are, and how many connections it may have."""

import os
import resource
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
MOST_CONNECTIONS = 10_000
OTHER_DESCRIPTORS = 64


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
