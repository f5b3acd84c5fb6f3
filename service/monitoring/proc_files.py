"""CPU time and memory of a process from proc(5); None if it has gone, or this process may not look at it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # fields after the name of the program, which is in parentheses and may hold anything


def cpu_seconds(pid: int) -> float | None:
    """Return the CPU seconds of a process, in user and in kernel mode."""
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS
    return None


def memory_kilobytes(pid: int) -> int | None:
    """Return the PSS of a process: its own memory, and its share of what it shares with others.

    The kernel looks at each page of the process to compute it, which takes some milliseconds.
    """
    with suppress(OSError, ValueError, IndexError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)
    return None
