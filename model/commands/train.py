"""Fits and packs the reference model."""

from pathlib import Path

import click

from model.commands.console import Console
from model.commands.exit_codes import ExitCode
from model.commands.framework import command, output_options, reporting
from model.commands.packed import report_packed


@command("--output iris")
@output_options
@click.option("--name", default="iris", show_default=True, help="The model's name.")
@reporting
def run(output: Path, version: str, epoch: int | None, name: str, console: Console) -> ExitCode:
    """Fit the reference model on iris, score it on held-out rows, and pack it."""
    from model.packing.reference_model import train  # noqa: PLC0415  # the serving images have no packing

    report_packed(train(output, name, version, epoch), output, console)
    return ExitCode.OK
