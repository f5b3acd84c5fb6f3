"""`python -m model`: finds the command and runs it."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from model.commands import bench, check, environment, inspect_bundle, pack, train
from model.errors import ModelError
from model.oneline import one_line


class Command(Protocol):
    """A module of this folder."""

    HELP: str

    def add_arguments(self, parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
        """Declare the command's arguments; `environ` has the server's settings, which are the defaults."""

    def run(self, options: argparse.Namespace) -> int:
        """Run the command and return its exit code; raises ModelError and OSError.

        The options also have `arguments`, all that were given, and `environ`, for another process to run the command.
        """


COMMANDS: Final[dict[str, Command]] = {
    "train": train,
    "pack": pack,
    "inspect": inspect_bundle,
    "check": check,
    "bench": bench,
    "environment": environment,
}


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; a model that cannot be used is one line on stderr and exit code 1."""
    parser = argparse.ArgumentParser(prog="python -m model", description="Make, examine and measure model bundles.")
    subparsers = parser.add_subparsers(required=True, dest="command")
    for name, command in COMMANDS.items():
        command.add_arguments(subparsers.add_parser(name, help=command.HELP, description=command.HELP), environ)
    options = parser.parse_args(arguments, argparse.Namespace(arguments=list(arguments), environ=environ))
    try:
        status = COMMANDS[options.command].run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as `head`, wants no more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (ModelError, OSError) as error:
        print(one_line(f"ml-service: {getattr(error, 'code', 'error')}: {error}"), file=sys.stderr)
        return 1
    return status
