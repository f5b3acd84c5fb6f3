"""Entry point of `python -m model`.

Imports: model, model.commands.
"""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036  # users of an older Python are told what to do
    sys.exit(
        f"ml-service: Python 3.11 or later is needed, and this is {sys.version.split()[0]}; run it with a later one: "
        "`pack` makes an environment of the scikit-learn that wrote the file"
    )

from importlib import import_module

from model.missing import say_missing
from model.thread_limits import limit_threads

limit_threads(os.environ)  # as the server does, so that measurements here hold for it


def _version() -> str:
    return str(import_module("service").VERSION)


def run() -> int:
    """Run the command; a package that is missing is one line on stderr and exit code 1."""
    try:
        from model.commands.cli import main  # noqa: PLC0415  # it imports packages that may be missing

        return main(sys.argv[1:], os.environ, version=_version)
    except ModuleNotFoundError as error:
        said = say_missing(error)
        if said is None:
            raise
        sys.stderr.write(f"ml-service: error: {said}\n")
        return 1


if __name__ == "__main__":
    sys.exit(run())
