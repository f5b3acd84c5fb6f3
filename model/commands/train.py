"""Fits and packs the reference model."""

import argparse
from collections.abc import Mapping

from model.commands.options import add_output
from model.commands.pack import report

HELP = "fit the reference model on iris, score it on held-out rows, and pack it"


def add_arguments(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Declare the command's arguments."""
    add_output(parser, environ, name="iris")


def run(options: argparse.Namespace) -> int:
    """Train, pack, and print what came of it."""
    from model.packing.reference_model import train  # noqa: PLC0415  # the serving images have no packing

    report(train(options.output, options.name, options.version), options.output)
    return 0
