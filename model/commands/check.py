"""Tries a bundle as the server would, and says what to do about each thing that is not right."""

import gc
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from model.bundle.trust import Trust
from model.errors import ModelError
from model.forking import in_fork
from model.loading import Loaded, load, prove
from model.oneline import one_line

DEADLINE_SECONDS = 60.0
_NO_ANSWER = f"no answer within {DEADLINE_SECONDS:g} s, or a crash"


@dataclass(frozen=True)
class Finding:
    """One thing that was tried: what it found, and what to do where it is not right."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


def check(directory: Path, trust: Trust, progress: Callable[[str], None]) -> Iterator[Finding]:
    """Load the bundle, then predict its golden rows in a forked process as a worker does; yields each finding.

    `progress` is told what is being done before it is done.
    """
    progress(f"loading {directory}")
    if in_fork(lambda: _loaded(directory, trust), DEADLINE_SECONDS) is None:
        yield Finding("load", ok=False, found=_NO_ANSWER, remedy="pack the model again; do not load what others made")
        return
    start = time.monotonic()
    try:
        loaded = load(directory, trust)
    except ModelError as error:
        yield Finding("load", ok=False, found=error.code, remedy=str(error))
        return
    seconds = time.monotonic() - start
    yield Finding("load", ok=True, found=f"digests, versions and types are right; {seconds:.2f} s")
    yield _pin(loaded, trust)
    gc.collect()
    gc.freeze()
    progress("predicting the golden rows in a forked worker")
    yield from _worker(loaded)


def _loaded(directory: Path, trust: Trust) -> dict[str, Any]:
    """Load in a process of its own: what is wrong is found again in this one, unless it would end this one."""
    with suppress(ModelError):
        load(directory, trust)
    return {}


def _pin(loaded: Loaded, trust: Trust) -> Finding:
    if trust.pin is not None:
        return Finding("pin", ok=True, found="the manifest is the pinned one")
    return Finding("pin", ok=True, found="not pinned", remedy=f"set MODEL_SHA256={loaded.digest}")


def _worker(loaded: Loaded) -> Iterator[Finding]:
    report = in_fork(lambda: _as_worker(loaded), DEADLINE_SECONDS)
    if report is None:
        remedy = "pack it again; if it stays so, it cannot be served from forked workers: report it with the estimator"
        yield Finding("fork", ok=False, found=_NO_ANSWER, remedy=remedy)
        return
    yield Finding("fork", ok=True, found="a forked worker answers")
    yield Finding("golden rows", not report["error"], report["error"] or "reproduced", report["error"])
    if not report["error"]:
        per_row = report["seconds"] / len(loaded.manifest.golden.rows)
        yield Finding("speed", ok=True, found=f"{per_row * 1e6:.0f} µs a row on the golden rows")
        own = f"{report['private'] / 2**20:.1f} MiB of its own, {report['shared'] / 2**20:.1f} MiB shared"
        yield Finding("memory of a worker", ok=True, found=own)


def _as_worker(loaded: Loaded) -> dict[str, Any]:
    try:
        prove(loaded)  # the first call pays for what libraries do once
        start = time.monotonic()
        prove(loaded)
        seconds, error = time.monotonic() - start, ""
    except ModelError as failure:
        seconds, error = 0.0, str(failure)
    private, shared = memory()
    return {"error": error, "seconds": seconds, "private": private, "shared": shared}


def memory() -> tuple[int, int]:
    """Return this process's private and shared bytes (kernel doc: filesystems/proc, smaps_rollup)."""
    sizes = {"Private": 0, "Shared": 0}
    for line in Path("/proc/self/smaps_rollup").read_text().splitlines():
        kind = line.partition("_")[0]
        if kind in sizes and "Hugetlb" not in line:
            sizes[kind] += int(line.split()[1]) * 1024
    return sizes["Private"], sizes["Shared"]


def as_json(findings: list[Finding]) -> str:
    """Return the findings for a program to read."""
    return json.dumps([asdict(finding) for finding in findings], indent=2)


def as_table(findings: list[Finding]) -> str:
    """Return the findings for a person to read."""
    lines = []
    for finding in findings:
        lines.append(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.name:20}  {finding.found}")
        if finding.remedy and finding.remedy != finding.found:
            lines.append(f"{'':26}  → {finding.remedy}")
    return "\n".join(map(one_line, lines))
