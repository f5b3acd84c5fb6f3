"""Loads a bundle as the server would, and reports what to do about each problem."""

import gc
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import click

from model.bundle.trust import Trust
from model.commands.console import Console, Progress
from model.commands.framework import ExitCode, Session, command
from model.commands.options import bundle_argument, reporting, trust_options
from model.commands.tables import Part, Table
from model.errors import ModelError
from model.forking import in_fork
from model.loading import Loaded, load, verify

DEADLINE_SECONDS: Final = 60.0
_STEPS: Final = 2
_NO_ANSWER: Final = "crashed, or did not answer in time"


@dataclass(frozen=True)
class Finding:
    """The result of one check, and what to do if it is not `ok`."""

    name: str
    ok: bool
    found: str
    remedy: str = ""


@command("bundle", "bundle --json")
@bundle_argument
@trust_options
@reporting
@click.pass_obj
def run(session: Session, /, bundle: Path, trust: Trust, console: Console) -> ExitCode:
    """Load a bundle as the server does, predict its golden rows in a worker, and say what to do about each finding.

    The exit code is 1 if anything is not right.
    """
    with console.progress() as progress:
        found = check(bundle, trust, progress)
    findings = [replace(each, remedy=session.named(each.remedy)) for each in found]
    console.report([asdict(finding) for finding in findings], *_parts(findings))
    return ExitCode.OK if all(finding.ok for finding in findings) else ExitCode.REFUSED


def check(directory: Path, trust: Trust, progress: Progress) -> list[Finding]:
    """Load a bundle in a forked process, and predict its golden rows in a fork of that process, as a worker does."""
    progress(f"loading {directory}", 0, _STEPS)

    def work() -> dict[str, Any]:
        return {"findings": [asdict(finding) for finding in _findings(directory, trust, progress)]}

    answer = in_fork(work, 2 * DEADLINE_SECONDS)
    if answer is None:
        remedy = "pack the model again; do not load a model from someone you do not trust"
        return [Finding("load", ok=False, found=_NO_ANSWER, remedy=remedy)]
    return [Finding(**finding) for finding in answer["findings"]]


def _findings(directory: Path, trust: Trust, progress: Progress) -> Iterator[Finding]:
    start = time.monotonic()
    try:
        loaded = load(directory, trust)
    except ModelError as error:
        yield Finding("load", ok=False, found=error.code, remedy=str(error))
        return
    seconds = time.monotonic() - start
    yield Finding("load", ok=True, found=f"digests, versions and types are right; {seconds:.2f} s")
    if trust.pin is None:
        yield Finding("pin", ok=True, found="not pinned", remedy=f"set MODEL_SHA256={loaded.digest}")
    else:
        yield Finding("pin", ok=True, found="the manifest is the pinned one")
    if trust.keys is not None:
        yield Finding("signature", ok=True, found=f"valid, of a key in {trust.keys}")
    gc.collect()
    gc.freeze()
    progress("predicting the golden rows in a forked worker", 1, _STEPS)
    yield from _worker_findings(loaded)


def _worker_findings(loaded: Loaded) -> Iterator[Finding]:
    report = in_fork(lambda: _predict_as_worker(loaded), DEADLINE_SECONDS)
    if report is None:
        remedy = "pack the model again; if that does not help, it cannot be served from forked workers: report it"
        yield Finding("fork", ok=False, found=_NO_ANSWER, remedy=remedy)
        return
    yield Finding("fork", ok=True, found="a forked worker answers")
    yield Finding("golden rows", not report["error"], report["error"] or "reproduced", report["error"])
    if not report["error"]:
        per_row = report["seconds"] / len(loaded.manifest.golden.rows)
        yield Finding("speed", ok=True, found=f"{per_row * 1e6:.0f} µs a row on the golden rows")
        own = f"{report['private'] / 2**20:.1f} MiB private, {report['shared'] / 2**20:.1f} MiB shared"
        yield Finding("memory of a worker", ok=True, found=own)


def _predict_as_worker(loaded: Loaded) -> dict[str, Any]:
    try:
        verify(loaded)  # the first call includes what libraries do only once
        start = time.monotonic()
        verify(loaded)
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


def _parts(findings: list[Finding]) -> list[Part]:
    """Return a table, and below it the remedies, in lines that can be copied."""
    rows = [("ok" if finding.ok else "FAIL", finding.name, finding.found) for finding in findings]
    remedies = [f"{each.name}: {each.remedy}" for each in findings if each.remedy and each.remedy != each.found]
    return [Table(("", "", ""), rows), *(["\n".join(remedies)] if remedies else [])]
