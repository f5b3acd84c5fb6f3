"""What the kernel says of a process (proc(5)); None where it has gone, or does not let this one see it."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_UTIME, _STIME = 11, 12  # fields after the name of the program, which is in parentheses and may hold anything


def cpu_seconds(pid: int) -> float | None:
    """Return for how long a process has computed, in the kernel as well."""
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
        return (int(fields[_UTIME]) + int(fields[_STIME])) / _TICKS
    return None


def memory_kilobytes(pid: int) -> int | None:
    """Return the memory of a process, and its share of what it shares with others (PSS).

    The kernel looks at each page of the process for that, which takes some milliseconds.
    """
    with suppress(OSError, ValueError, IndexError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), None)
    return None
