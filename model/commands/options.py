"""Options that several commands share, and the types of arguments and options."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from model.bundle.trust import Trust
from model.commands.console import Console
from model.commands.framework import Session
from model.storage.uris import ACCEPTS, ModelUri, is_uri, without_secrets

F = TypeVar("F", bound=Callable[..., Any])
R = TypeVar("R")


def as_uri(value: str) -> ModelUri:
    """Return a URI that bundles are fetched from; errors do not repeat it, because a wrong URI may contain secrets."""
    try:
        return ModelUri.of(value)
    except ValueError:
        raise click.BadParameter(f"expected {ACCEPTS}") from None


class BundleType(click.Path):
    """A bundle in a directory of this machine."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path; the error for a URI says how to fetch the bundle."""
        if is_uri(str(value)):
            fetch = f"{ctx.find_root().info_name if ctx else ''} fetch {without_secrets(str(value))} DIR"
            self.fail(f"expected a directory of this machine; `{fetch}` fetches the bundle into one", param, ctx)
        return super().convert(value, param, ctx)


class BundleOrUriType(click.Path):
    """A bundle in a directory of this machine, or a URI to fetch it from."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, or the URI."""
        return as_uri(value) if is_uri(str(value)) else super().convert(value, param, ctx)


DIRECTORY: Final = click.Path(path_type=Path)
BUNDLE: Final = BundleType(path_type=Path)
BUNDLE_OR_URI: Final = BundleOrUriType(path_type=Path)

# An option whose help shows its environment variable and its default, where it has them.
option = functools.partial(click.option, show_envvar=True, show_default=True)
model_option = functools.partial(option, "--model", "bundle", type=BUNDLE, default="bundle", envvar="MODEL_DIR")
bundle_argument = click.argument(
    "bundle", type=BUNDLE, default="bundle", envvar="MODEL_DIR", metavar="[BUNDLE]", required=False
)
code_option = option(
    "--code", type=DIRECTORY, envvar="MODEL_CODE", help="The directory of your own modules that the model needs."
)
keys_option = option(
    "--signature-key", "keys", type=DIRECTORY, envvar="MODEL_SIGNATURE_KEY", metavar="PEM",
    help="A file of public keys, one of which must have signed the bundle.",
)  # fmt: skip
pin_option = option("--pin", envvar="MODEL_SHA256", metavar="SHA256", help="The digest the manifest must have.")


def quiet_option(function: Callable[..., R]) -> Callable[..., R]:
    """Add `--quiet`, and pass a `console` that obeys it."""

    @option("--quiet", "-q", is_flag=True, help="Show no progress and no notes; warnings and errors are shown.")
    @functools.wraps(function)
    def wrapped(*args: Any, quiet: bool, as_json: bool = False, **kwargs: Any) -> R:
        return function(*args, console=Console(as_json, quiet), **kwargs)

    return wrapped


def reporting(function: Callable[..., R]) -> Callable[..., R]:
    """Add `--json` and `--quiet`, and pass a `console` that obeys them, for a command with a report."""
    return option("--json", "as_json", is_flag=True, help="Print JSON on stdout.")(quiet_option(function))


def output_options(function: F) -> F:
    """Add options for the bundle's directory, the model's version, and the time that the bundle states."""
    output = option(
        "--output", "-o", type=DIRECTORY, default="bundle", envvar="MODEL_DIR", help="The bundle's directory."
    )
    version = option("--version", default="1", help="The model's version.")
    date = option(
        "--epoch", type=click.IntRange(0, 2**33), envvar="SOURCE_DATE_EPOCH", metavar="SECONDS",
        help="State this time since 1970 and no measured speed, so that the same model gives the same bundle.",
    )  # fmt: skip
    return output(version(date(function)))


def environment_options(function: Callable[..., R]) -> Callable[..., R]:
    """Add options for the folder of environments of other scikit-learn versions, and pass it as `environments`.

    By default, it is in the user's cache; None is passed if no environment may be made.
    """

    @option(
        "--environments", type=DIRECTORY, envvar="MODEL_ENVIRONMENTS",
        show_default="~/.cache/ml-service/environments",
        help="Where environments of other scikit-learn versions are made.",
    )  # fmt: skip
    @option("--no-env", is_flag=True, help="Make no environment, and say how to do it by hand.")
    @functools.wraps(function)
    def wrapped(*args: Any, environments: Path | None, no_env: bool, **kwargs: Any) -> R:
        session: Session = click.get_current_context().obj
        cache = session.environ.get("XDG_CACHE_HOME") or f"{session.environ.get('HOME', '.')}/.cache"
        place = (environments or Path(cache) / "ml-service/environments").absolute()
        return function(*args, environments=None if no_env else place, **kwargs)

    return wrapped


def trust_options(function: Callable[..., R]) -> Callable[..., R]:
    """Add options for what the operator trusts, and pass them as `trust`."""

    @pin_option
    @option("--allow-pickle", is_flag=True, envvar="ALLOW_PICKLE", help="Load a pickle, if it is pinned.")
    @keys_option
    @code_option
    @functools.wraps(function)
    def wrapped(
        *args: Any, pin: str | None, allow_pickle: bool, keys: Path | None, code: Path | None, **kwargs: Any
    ) -> R:
        return function(*args, trust=Trust(pin, allow_pickle, code, keys=keys), **kwargs)

    return wrapped
