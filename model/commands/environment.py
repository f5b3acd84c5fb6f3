"""Prints the folder of the programs that serve a bundle, and makes an environment of its scikit-learn if necessary."""

import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import click

from model.commands.console import Console
from model.commands.framework import ExitCode, Session, command
from model.commands.options import bundle_argument, environment_options, reporting
from model.errors import VersionMismatch


@command("bundle")
@bundle_argument
@environment_options
@reporting
@click.pass_obj
def run(session: Session, /, bundle: Path, environments: Path | None, console: Console) -> ExitCode:
    """Print the folder of the gunicorn that serves a bundle, making an environment of its scikit-learn if need be."""
    python, needed = python_for(bundle, session.environ, environments, console)
    console.report({"programs": str(python.parent), "scikit_learn": needed}, str(python.parent))
    return ExitCode.OK


def python_for(
    bundle: Path, environ: Mapping[str, str], place: Path | None, console: Console
) -> tuple[Path, str | None]:
    """Return the Python whose gunicorn serves a bundle, and the scikit-learn release that it needs, if any.

    `place` is the folder of environments, None if none may be made. Raises VersionMismatch.
    """
    from model.environments.making import python_of  # noqa: PLC0415  # the serving images have no environments
    from model.environments.serving import sklearn_needed  # noqa: PLC0415  # likewise

    needed = sklearn_needed(bundle, compiled=environ.get("ENGINE") != "scikit-learn")
    if needed in (None, version("scikit-learn")):
        return Path(sys.executable), needed
    if place is None:
        raise VersionMismatch(f"{bundle} needs an environment of scikit-learn {needed}: leave out --no-env.")
    return python_of(str(needed), None, place, console.note), needed
