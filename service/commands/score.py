"""Scores a file with a bundle, exactly as the server would answer requests with the same rows."""

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import click

from model.bundle.trust import Trust
from model.commands.console import Console, say
from model.commands.console import Progress as Shown
from model.commands.framework import ExitCode, Session, command
from model.commands.options import model_option, option, reporting, trust_options
from service.commands.scored_model import load_for_scoring
from service.config import limits
from service.config.settings import SettingError
from service.scoring.columns import Kept
from service.scoring.job import ARROW_STREAM, FORMATS, STANDARD, TEXT, Job, Progress, Summary, format_of
from service.scoring.run import score
from service.scoring.stopped import Stopped
from service.serving.served_model import ServedModel

STOP: Final = "stop"
_OFTEN: Final = 0.5  # seconds between two drawings


@command(
    "customers.csv scored.csv --model churn",
    "customers.parquet scored.parquet --model churn --id customer_id --bad-rows bad.csv",
    "- - --input-format jsonl --model churn < customers.jsonl",
)
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT")
@model_option(help="The bundle to score with.")
@option(
    "--id", "ids", multiple=True, metavar="COLUMN",
    help="A column that names a row. OUT has it and the predictions; give it again for further columns.",
)  # fmt: skip
@option(
    "--columns", type=click.Choice(["all", "id", "none"]), show_default="id with --id, else all",
    help="The columns of IN that OUT has beside the predictions.",
)  # fmt: skip
@option(
    "--outputs", metavar="NAMES", default="", show_default=False,
    help="What OUT has of the predictions, separated by commas; by default labels and probabilities.",
)  # fmt: skip
@option(
    "--bad-rows", default=STOP, metavar="FILE",
    help="Where rows go that cannot be scored, with line number and reason, as CSV; stop: end at the first.",
)  # fmt: skip
@option("--format", "kind", type=click.Choice(FORMATS), help="OUT's format, if not as its suffix says.")
@option("--input-format", type=click.Choice(FORMATS), help="IN's format, if not as its suffix says.")
@option(
    "--header", type=click.Choice(["auto", "present", "absent"]), default="auto",
    help="Whether the first line of CSV names the columns.",
)  # fmt: skip
@option(
    "--processes", type=click.IntRange(1, 1024), default=limits.cpus, show_default="one for each CPU",
    help="How many processes score.",
)  # fmt: skip
@option("--fresh", is_flag=True, help="Start over, even if an interrupted run can go on.")
@trust_options
@reporting
@click.pass_obj
def run(session: Session, /, bundle: Path, trust: Trust, console: Console, **options: Any) -> ExitCode:
    """Score a file of any size: CSV, JSON Lines, Parquet or Arrow.

    IN and OUT are paths, or - for stdin and stdout; files that end in .gz or .zst are compressed. Columns that the
    model does not take are passed on. An interrupted run resumes where it stopped when the same command is run again.
    """
    try:
        job = _job(options)
        served = _load(bundle, trust, session, console)
        with console.progress() as shown:
            summary = score(job, served, _Drawn(shown).report, console.warn)
    except (Stopped, SettingError) as error:
        say(f"ml-service: {error.code}: {error}")
        return ExitCode.INTERRUPTED if error.code == "interrupted" else ExitCode.REFUSED
    _report(console, job, summary)
    return ExitCode.DIFFERENT if summary.bad_rows else ExitCode.OK


def _job(options: dict[str, Any]) -> Job:
    source, target, ids = options["source"], options["target"], options["ids"]
    source_format = format_of(source, options["input_format"] or (options["kind"] if source == STANDARD else None))
    target_format = format_of(target, options["kind"], source_format)
    if target == STANDARD and target_format == "arrow":
        target_format = ARROW_STREAM  # because writing an Arrow file needs seeking
    if source_format != target_format and (source_format in TEXT or target_format in TEXT):
        message = f"{target}: {source_format} is not written as {target_format}; name an OUT of the format of IN."
        raise Stopped("bad_output", message)
    columns = options["columns"] or ("id" if ids else "all")
    if columns == "id" and not ids:
        raise click.UsageError("--columns id needs --id COLUMN")
    bad_rows = options["bad_rows"]
    return Job(
        source,
        target,
        source_format,
        target_format,
        Kept(columns == "all", tuple(ids) if columns == "id" else ()),
        tuple(filter(None, map(str.strip, options["outputs"].split(",")))),
        None if bad_rows == STOP else Path(bad_rows),
        "" if options["header"] == "auto" else options["header"],
        options["fresh"],
        options["processes"],
    )


def _load(bundle: Path, trust: Trust, session: Session, console: Console) -> ServedModel:
    with console.progress() as shown:
        shown(f"loading {bundle}")
        return load_for_scoring(bundle, trust, session.environ)


class _Drawn:
    """Shows the progress of a run: rows, rows per second, and the share of the input that was read."""

    def __init__(self, shown: Shown) -> None:
        self._shown, self._start, self._next = shown, time.monotonic(), 0.0
        self._before: int | None = None

    def report(self, progress: Progress) -> None:
        """Show the progress, unless it was shown a moment ago."""
        now = time.monotonic()
        if self._before is None:
            self._before = progress.rows
        if now >= self._next:
            self._next = now + _OFTEN
            rate = (progress.rows - self._before) / max(now - self._start, _OFTEN)
            self._shown(f"{progress.rows:,} rows, {rate:,.0f}/s", progress.read, progress.size)


def _report(console: Console, job: Job, summary: Summary) -> None:
    rate = (summary.rows - summary.resumed) / max(summary.seconds, 1e-9)
    document = {**asdict(summary), "rows_per_second": rate, "output": job.target}
    sentence = f"{summary.rows:,} rows scored into {job.target} in {summary.seconds:.1f} s, {rate:,.0f} a second"
    sentence += f"; {summary.resumed:,} of them by an earlier run" if summary.resumed else ""
    sentence += f"; {summary.bad_rows:,} bad rows in {job.bad_rows}" if summary.bad_rows else ""
    if job.target == STANDARD:  # stdout has the predictions
        console.note(sentence)
    else:
        console.report(document, sentence)
