"""Serves a bundle, or a model file that it packs first: this process becomes the server."""

import dataclasses
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NoReturn

import click

import service
from model.commands.console import Console
from model.commands.environment import python_for
from model.commands.framework import (
    DIRECTORY,
    Session,
    bundle_argument,
    code_option,
    command,
    environment_options,
    environments_in,
    quiet_option,
)
from model.errors import BundleMissing
from service.commands.companion import Companion
from service.config.settings import SettingError, Settings

ROOT: Final = Path(service.__file__).absolute().parents[1]  # where gunicorn.conf.py is
HERE: Final = "127.0.0.1"
WATCH_SECONDS: Final = "1"  # with --reload
ARENAS: Final = "2"  # of the allocator, which reads it when Python starts


@command("bundle", "bundle --port 0 --open", "bundle --reload", "forest.joblib --data train.csv")
@bundle_argument
@click.option("--data", type=DIRECTORY, help="Training rows to pack a model file with, .csv or .parquet.")
@click.option("--host", envvar="HOST", show_envvar=True, default=HERE, show_default=True, help="Where to listen.")
@click.option(
    "--port", envvar="PORT", show_envvar=True, default="8000", show_default=True, help="The port; 0 picks a free one."
)
@click.option("--workers", envvar="WEB_CONCURRENCY", show_envvar=True, help="Processes.  [default: one for each CPU]")
@click.option("--open", "opens", is_flag=True, help="Open the model's page in the browser when the server is ready.")
@click.option("--reload", "reloads", is_flag=True, help="Serve a new model as soon as the bundle has changed.")
@code_option
@environment_options
@quiet_option
@click.pass_context
def run(
    ctx: click.Context,
    /,
    *,
    bundle: Path,
    data: Path | None,
    host: str,
    port: str,
    workers: str | None,
    opens: bool,
    reloads: bool,
    code: Path | None,
    environments: Path | None,
    no_env: bool,
    console: Console,
) -> int:
    """Serve a bundle with gunicorn, in the place of this process: signals and exit codes are the server's.

    BUNDLE may also be a model file, which is packed to a temporary directory first. Without --host, only this machine
    is answered. All other settings of the server are environment variables (docs/settings.md). Ctrl-C stops it.
    """
    session: Session = ctx.obj
    watch = WATCH_SECONDS if reloads and session.environ.get("WATCH_SECONDS", "0") == "0" else None
    given = {"MODEL_DIR": bundle, "HOST": host, "PORT": port, "WEB_CONCURRENCY": workers}
    given |= {"MODEL_CODE": code, "WATCH_SECONDS": watch}
    environ, settings = _settings(session.environ, {name: str(value) for name, value in given.items() if value})
    if opens and not settings.pages:
        raise click.UsageError("PAGES=0 turns off the page that --open would open", ctx)
    if reloads and is_model(bundle):
        raise click.UsageError(f"--reload watches a bundle, and {bundle} is a model file", ctx)
    environ["PORT"] = str(free_port(settings.host.strip("[]"), settings.port))
    companion = Companion(environ, opens=opens, shows=not console.quiet and sys.stderr.isatty())
    place = None if no_env else environments_in(environments, environ)
    return _start(session, companion, place, bundle, data, console)


def _start(
    session: Session, companion: Companion, place: Path | None, bundle: Path, data: Path | None, console: Console
) -> int:
    environ = companion.environ
    if is_model(bundle):
        temporary = Path(tempfile.mkdtemp(prefix="ml-service-"))
        companion = dataclasses.replace(companion, temporary=temporary)
        environ["MODEL_DIR"] = str(temporary / "bundle")
        options = ["--quiet"] if console.quiet else []
        options += ["--no-env"] if place is None else ["--environments", str(place)]
        options += ["--data", str(data)] if data else []
        if status := _pack([str(bundle), *options], environ, temporary):
            return status
    elif not (bundle / "manifest.json").exists():
        raise BundleMissing(f"{bundle} is no bundle and no model file; make a bundle with `{session.program} pack`")
    return _become_server(_python(environ, place, console), environ, companion)


def _become_server(python: Path, environ: Mapping[str, str], companion: Companion) -> NoReturn:
    companion.start()
    os.chdir(ROOT)
    os.execve(python, [str(python), "-m", "gunicorn"], environ)  # noqa: S606  # there is no shell


def is_model(path: Path) -> bool:
    """Say whether a path is what `pack` takes: a file, or a directory of MLflow."""
    return path.is_file() or (path / "MLmodel").exists()


def _settings(environ: Mapping[str, str], given: Mapping[str, str]) -> tuple[dict[str, str], Settings]:
    """Return the server's environment, with absolute paths, for it has a current directory of its own; and settings."""
    environ = {**{name: value for name, value in environ.items() if value}, **given}  # gunicorn chokes on empty ones
    try:
        settings = Settings.from_env(environ)
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    values = {field.metadata["name"]: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    paths = {name: str(value.absolute()) for name, value in values.items() if isinstance(value, Path)}
    return {"MALLOC_ARENA_MAX": ARENAS, **environ, **paths}, settings


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0; raises OSError with what to do if it cannot be had."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
            return int(tried.getsockname()[1])
    except OSError as error:
        raise OSError(
            f"cannot listen on {host}, port {port} ({error.strerror}): choose another one with --port, or a free one "
            "with --port 0"
        ) from None


def _pack(words: list[str], environ: dict[str, str], temporary: Path) -> int:
    """Pack a model file in a process of its own, which reports on stderr, for stdout is the server's log."""
    command = [sys.executable, "-m", "model", "pack", "--output", environ["MODEL_DIR"], *words]
    try:
        done = subprocess.run(command, env=environ, stdout=sys.stderr, check=False)  # noqa: S603  # our own command
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    if done.returncode:
        shutil.rmtree(temporary, ignore_errors=True)
    return done.returncode


def _python(environ: Mapping[str, str], place: Path | None, console: Console) -> Path:
    """Return the Python that serves the bundle: this one, or that of its scikit-learn where environments are made."""
    if find_spec("model.environments") is None:  # the images leave them out
        return Path(sys.executable)
    return python_for(Path(environ["MODEL_DIR"]), environ, place, console)[0]
