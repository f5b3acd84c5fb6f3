"""Prints where the programs are that serve a bundle; makes an environment of its scikit-learn version if need be."""

import argparse
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from model.commands.options import add_bundle, add_environments, say_progress

HELP = "print the folder of the gunicorn that serves a bundle, making an environment of its scikit-learn if need be"


def add_arguments(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Declare the command's arguments."""
    add_bundle(parser, environ)
    add_environments(parser, environ)


def run(options: argparse.Namespace) -> int:
    """Print the folder: of this Python, where this environment serves the bundle, too."""
    from model.environments.making import python_of  # noqa: PLC0415  # the serving images have no environments
    from model.environments.serving import sklearn_needed  # noqa: PLC0415  # likewise

    needed = sklearn_needed(options.bundle, compiled=options.environ.get("ENGINE") != "scikit-learn")
    if needed in (None, version("scikit-learn")):
        print(Path(sys.executable).parent)
        return 0
    print(python_of(str(needed), None, options.environments.absolute(), say_progress).parent)
    return 0
