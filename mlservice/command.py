"""The command `ml-service`: runs the application's commands in this process's place."""

import os
import sys
from typing import NoReturn

from mlservice import application


def main() -> NoReturn:
    """Replace this process by one that runs the command: signals, streams and the exit code are the command's own."""
    command = [sys.executable, "-m", "model", *sys.argv[1:]]
    os.execve(sys.executable, command, application.environment())  # noqa: S606  # there is no shell
