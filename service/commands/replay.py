"""Recomputes the predictions of a prediction log with a bundle, and reports what is different."""

import contextlib
import gzip
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, Final, cast

import click

from model.bundle.trust import Trust
from model.commands.console import Console
from model.commands.framework import ExitCode, Session, command
from model.commands.options import DIRECTORY, model_option, option, reporting, trust_options
from model.commands.tables import Part, Table, fields
from model.errors import BundleMissing
from model.loading import load, verify
from service.replay.comparison import EDGES, Comparison
from service.replay.log_lines import read_log
from service.replay.plot import svg
from service.serving.served_model import ServedModel

_MOST_ROWS: Final = 10**7
_SHOWN: Final = 10  # changes of labels in the table


@command(
    "predictions.log --model bundle",
    "predictions.log --model bundle --plot change.svg",
    "predictions.log --model bundle --json",
)
@click.argument("logs", metavar="LOG...", nargs=-1, required=True)
@model_option(help="The bundle to predict with.")
@option(
    "--tolerance", type=click.FloatRange(0), default=1e-9,
    help="Numbers that differ by no more count as close, not as different.",
)  # fmt: skip
@option("--plot", type=DIRECTORY, help="Write a plot of the scores as logged and of this bundle, as SVG.")
@trust_options
@reporting
@click.pass_obj
def run(
    session: Session,
    /,
    logs: tuple[str, ...],
    bundle: Path,
    tolerance: float,
    plot: Path | None,
    trust: Trust,
    console: Console,
) -> ExitCode:
    """Recompute each prediction of a prediction log, and report what is different.

    LOG is what a server wrote to stdout, also among other lines, or to LOG_FILE, or - for stdin; .gz is decompressed.
    The order of several files does not matter. With the bundle that was served, everything should be identical. With
    another one, the report says what would change. The exit code is 3 if anything is different, and 1 if nothing could
    be replayed.
    """
    with console.progress() as progress, contextlib.ExitStack() as stack:
        opened = [stack.enter_context(_opened(log)) for log in logs]
        size = None if any(found is None for _, found, _ in opened) else sum(found or 0 for _, found, _ in opened)
        progress(f"loading {bundle}", 0, size)
        loaded = load(bundle, trust, compiled=session.environ.get("ENGINE") != "scikit-learn")
        verify(loaded)
        comparison = Comparison(ServedModel.of(loaded, 0.0, _MOST_ROWS), tolerance)
        before = 0.0
        for file, own_size, position in opened:
            for _ in comparison.add(read_log(file)):
                replayed = f"{comparison.counts['requests']:,} requests replayed"
                progress(replayed, None if size is None else before + position(), size)
            before += own_size or 0.0
    if not comparison.models:
        raise BundleMissing(f"{', '.join(logs)} has no prediction that could be replayed: {_reasons(comparison)}")
    manifest = loaded.manifest
    name = f"{manifest.name} {manifest.version} {loaded.digest}"
    if plot:
        plot.write_text(svg(comparison.points, f"{manifest.name} {manifest.version}"), encoding="utf-8")
    console.report(_document(comparison, name), *_parts(comparison, name))
    if not comparison.counts["requests"]:
        return ExitCode.REFUSED
    return ExitCode.DIFFERENT if comparison.counts["different"] else ExitCode.OK


@contextlib.contextmanager
def _opened(log: str) -> Iterator[tuple[IO[bytes], float | None, Any]]:
    """Open the log; yield it, its size in bytes if known, and a function that returns how many bytes were read."""
    if log == "-":
        yield sys.stdin.buffer, None, lambda: None
        return
    with Path(log).open("rb") as raw:
        file = cast("IO[bytes]", gzip.GzipFile(fileobj=raw)) if log.endswith(".gz") else raw
        yield file, Path(log).stat().st_size or None, raw.tell


def _reasons(comparison: Comparison) -> str:
    reasons = [f"{count:,} lines: {reason}" for reason, count in comparison.skipped.most_common(3)]
    return "; ".join(reasons) or "it is empty"


def _rows(comparison: Comparison) -> int:
    return sum(comparison.counts[name] for name in ("identical", "close", "different"))


def _document(comparison: Comparison, bundle: str) -> dict[str, Any]:
    """Return the report for a program."""
    counts = comparison.counts
    names = ("requests", "identical", "close", "different", "changed labels", "truncated")
    outcomes = {name.replace(" ", "_"): counts[name] for name in names}
    return {
        "bundle": bundle,
        "rows": _rows(comparison),
        **outcomes,
        "logged_by": dict(comparison.models),
        "not_replayed": dict(comparison.skipped),
        "label_changes": [{"before": a, "now": b, "rows": n} for (a, b), n in comparison.labels.most_common()],
        "score_differences": [
            {"at_most": edge, "rows": int(count)} for edge, count in zip((*EDGES, None), comparison.sizes, strict=True)
        ],
        "largest": [asdict(each) for each in comparison.largest],
    }


def _parts(comparison: Comparison, name: str) -> list[Part]:
    """Return the report for a person."""
    counts, rows = comparison.counts, _rows(comparison)

    def share(count: int) -> str:
        return f"{count:,} ({count / max(rows, 1):.2%})"

    head = {
        "bundle": name,
        "logged by": ", ".join(f"{each} ({count:,} requests)" for each, count in comparison.models.most_common(3)),
        "replayed": f"{counts['requests']:,} requests, {rows:,} rows",
        **{each: share(counts[each]) for each in ("identical", "close", "different", "changed labels")},
    }
    if counts["truncated"]:
        head["not logged"] = f"{counts['truncated']:,} further rows of these requests (LOG_ROWS)"
    parts: list[Part] = [fields(head)]
    if comparison.skipped:
        skipped = [(f"{count:,}", reason) for reason, count in comparison.skipped.most_common()]
        parts.append(Table(("lines not replayed", "why"), skipped, numbers=frozenset({"lines not replayed"})))
    if comparison.labels:
        changes = [(a, b, share(count)) for (a, b), count in comparison.labels.most_common(_SHOWN)]
        parts.append(Table(("label as logged", "label now", "rows"), changes))
    if counts["close"] or counts["different"]:
        words = ["none", *(f"at most {edge:g}" for edge in EDGES[1:]), f"more than {EDGES[-1]:g}"]
        sizes = [(word, share(int(count))) for word, count in zip(words, comparison.sizes, strict=True) if count]
        parts.append(Table(("difference of score", "rows"), sizes))
    if comparison.largest:
        parts.append(_largest(comparison))
    return parts


def _largest(comparison: Comparison) -> Table:
    def number(score: float | None) -> str:
        return "" if score is None else f"{score:.6g}"

    rows = [
        (each.request_id, str(each.row), each.before, each.now, number(each.score_before), number(each.score_now))
        for each in comparison.largest
    ]
    return Table(("largest: request id", "row", "logged", "now", "score logged", "score now"), rows)
