"""Fits and packs the reference model."""

from pathlib import Path

from model.commands.console import Console
from model.commands.framework import ExitCode, command
from model.commands.options import option, output_options, reporting
from model.commands.pack import report_packed


@command("--output iris")
@output_options
@option("--name", default="iris", help="The model's name.")
@reporting
def run(output: Path, version: str, epoch: int | None, name: str, console: Console) -> ExitCode:
    """Fit the reference model on iris, score it on held-out rows, and pack it."""
    from model.packing.reference_model import train  # noqa: PLC0415  # the serving images have no packing

    report_packed(train(output, name, version, epoch), output, console)
    return ExitCode.OK
