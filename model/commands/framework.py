"""The parts of commands: click's command with examples, options that several share, and the session."""

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from model.bundle.trust import Trust
from model.commands.console import Console
from model.commands.parameters import BUNDLE, DIRECTORY

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")
_QUIET = click.option(
    "--quiet", "-q", is_flag=True, help="Show no progress and no notes; warnings and errors are shown."
)
CHECKOUT: Final = "python -m model"  # the program's name where it is not installed
_NAMED: Final = re.compile(rf"(?<![/\w]){re.escape(CHECKOUT)}")  # but not in commands with the path of a Python


@dataclass(frozen=True)
class Session:
    """How the program was called: its name, all arguments, and the environment."""

    program: str
    arguments: Sequence[str]
    environ: Mapping[str, str]

    def named(self, message: str) -> str:
        """Return a message whose recommended commands have the program's name."""
        return _NAMED.sub(lambda _: self.program, message)


class Command(click.Command):
    """A command whose help ends with examples, each given as the words after the command's name."""

    def __init__(self, *args: Any, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = tuple(examples)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples."""
        with formatter.section("Examples"):
            for example in self.examples:
                formatter.write(f"  $ {ctx.command_path} {example}\n")


def command(*examples: str) -> Callable[[Callable[..., Any]], Command]:
    """Turn a function into a command; its docstring is the help."""
    return click.command(cls=Command, examples=examples)


def reporting(function: Callable[..., R]) -> Callable[..., R]:
    """Add `--json` and `--quiet`, and pass a `console` that obeys them."""

    @click.option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")
    @_QUIET
    @functools.wraps(function)
    def wrapped(*args: Any, as_json: bool, quiet: bool, **kwargs: Any) -> R:
        return function(*args, console=Console(as_json, quiet), **kwargs)

    return wrapped


def quiet_option(function: Callable[..., R]) -> Callable[..., R]:
    """Add `--quiet`, and pass a `console` that obeys it, for a command without a report."""

    @_QUIET
    @functools.wraps(function)
    def wrapped(*args: Any, quiet: bool, **kwargs: Any) -> R:
        return function(*args, console=Console(quiet=quiet), **kwargs)

    return wrapped


bundle_argument = click.argument(
    "bundle", type=BUNDLE, default="bundle", envvar="MODEL_DIR", metavar="[BUNDLE]", required=False
)


def output_options(function: F) -> F:
    """Add options for the bundle's directory, the model's version, and the time that the bundle states."""
    output = click.option(
        "--output",
        "-o",
        type=DIRECTORY,
        default="bundle",
        envvar="MODEL_DIR",
        show_default=True,
        show_envvar=True,
        help="The bundle's directory.",
    )
    version = click.option("--version", default="1", show_default=True, help="The model's version.")
    date = click.option(
        "--epoch",
        type=click.IntRange(0, 2**33),
        envvar="SOURCE_DATE_EPOCH",
        show_envvar=True,
        metavar="SECONDS",
        help="State this time since 1970 and no measured speed, so that the same model gives the same bundle.",
    )
    return output(version(date(function)))


def environment_options(function: F) -> F:
    """Add options for the folder of environments of other scikit-learn versions, and for making none."""
    place = click.option(
        "--environments",
        type=DIRECTORY,
        envvar="MODEL_ENVIRONMENTS",
        show_envvar=True,
        show_default="~/.cache/ml-service/environments",
        help="Where environments of other scikit-learn versions are made.",
    )
    no_env = click.option("--no-env", is_flag=True, help="Make no environment, and say how to do it by hand.")
    return place(no_env(function))


def environments_in(given: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the folder of environments, by default in the user's cache."""
    cache = environ.get("XDG_CACHE_HOME") or f"{environ.get('HOME', '.')}/.cache"
    return (given or Path(cache) / "ml-service/environments").absolute()


code_option = click.option(
    "--code",
    type=DIRECTORY,
    envvar="MODEL_CODE",
    show_envvar=True,
    help="The directory of your own modules that the model needs.",
)


keys_option = click.option(
    "--signature-key",
    "keys",
    type=DIRECTORY,
    envvar="MODEL_SIGNATURE_KEY",
    show_envvar=True,
    metavar="PEM",
    help="A file of public keys, one of which must have signed the bundle.",
)


def trust_options(function: Callable[..., R]) -> Callable[..., R]:
    """Add options for what the operator trusts, and pass them as `trust`."""

    @click.option(
        "--pin", envvar="MODEL_SHA256", show_envvar=True, metavar="SHA256", help="The digest the manifest must have."
    )
    @click.option(
        "--allow-pickle", is_flag=True, envvar="ALLOW_PICKLE", show_envvar=True, help="Load a pickle, if it is pinned."
    )
    @keys_option
    @code_option
    @functools.wraps(function)
    def wrapped(
        *args: Any, pin: str | None, allow_pickle: bool, keys: Path | None, code: Path | None, **kwargs: Any
    ) -> R:
        return function(*args, trust=Trust(pin, allow_pickle, code, keys=keys), **kwargs)

    return wrapped
