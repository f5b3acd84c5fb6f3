"""Serves a bundle; fetches or packs it first if it is given a URI or a model file. The process becomes the server."""

import dataclasses
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

import service
from model.commands.console import Console
from model.commands.environment import python_for
from model.commands.framework import Session, command
from model.commands.options import BUNDLE_OR_URI, DIRECTORY, code_option, environment_options, option, quiet_option
from model.errors import BundleMissing, NoRoom
from model.storage.uris import ModelUri
from service.commands.companion import Companion
from service.config.refusals import Refused
from service.config.settings import SettingError, Settings
from service.serving.origin import origin_of

ROOT: Final = Path(service.__file__).absolute().parents[1]  # where gunicorn.conf.py is
WATCH_SECONDS: Final = "1"  # with --reload
ASK_SECONDS: Final = "10"  # with --reload and a URI, whose storage is asked each time
ARENAS: Final = "2"  # of the allocator, which reads their number when Python starts


@command(
    "bundle",
    "bundle --port 0 --open",
    "bundle --reload",
    "forest.joblib --data train.csv",
    "models:/churn@champion --reload",
)
@click.argument(
    "bundle", type=BUNDLE_OR_URI, default="bundle", envvar=("MODEL_URI", "MODEL_DIR"), metavar="[BUNDLE]",
    required=False,
)  # fmt: skip
@option("--data", type=DIRECTORY, help="Training rows to pack a model file with, .csv or .parquet.")
@option("--host", envvar="HOST", default="127.0.0.1", help="Where to listen.")
@option("--port", envvar="PORT", default="8000", help="The port; 0 picks a free one.")
@option("--workers", envvar="WEB_CONCURRENCY", help="Processes.  [default: one for each CPU]")
@option("--open", "opens", is_flag=True, help="Open the model's page in the browser when the server is ready.")
@option("--reload", "reloads", is_flag=True, help="Serve a new model as soon as the bundle has changed.")
@code_option
@environment_options
@quiet_option
@click.pass_obj
def run(
    session: Session,
    /,
    *,
    bundle: Path | ModelUri,
    data: Path | None,
    host: str,
    port: str,
    workers: str | None,
    opens: bool,
    reloads: bool,
    code: Path | None,
    environments: Path | None,
    console: Console,
) -> int:
    """Serve a bundle with gunicorn, in the place of this process: signals and exit codes are the server's.

    BUNDLE may also be a model file, which is packed into a temporary directory first, or a URI (s3://, gs://, az://,
    https://, file://, models:/NAME/VERSION), from which the bundle is fetched first. Without --host, only this machine
    is answered. All other settings of the server are environment variables (docs/settings.md). Ctrl-C stops it.
    """
    # A fetched bundle never replaces a directory that was named.
    given = {"MODEL_URI": bundle.full} if isinstance(bundle, ModelUri) else {"MODEL_DIR": str(bundle), "MODEL_URI": ""}
    given |= {"HOST": host, "PORT": port}
    given |= {name: str(value) for name, value in {"WEB_CONCURRENCY": workers, "MODEL_CODE": code}.items() if value}
    if reloads and session.environ.get("WATCH_SECONDS", "0") == "0":
        given["WATCH_SECONDS"] = ASK_SECONDS if isinstance(bundle, ModelUri) else WATCH_SECONDS
    environ, settings = _settings({**session.environ, **given})
    if opens and not settings.pages:
        raise click.UsageError("PAGES=0 turns off the page that --open would open")
    if reloads and isinstance(bundle, Path) and is_model(bundle):
        raise click.UsageError(f"--reload watches a bundle, and {bundle} is a model file")
    environ["PORT"] = str(free_port(settings.host.strip("[]"), settings.port))
    companion = Companion(environ, opens=opens, shows=not console.quiet and sys.stderr.isatty())
    return _start(session, settings, companion, environments, bundle, data, console)


def _start(
    session: Session,
    settings: Settings,
    companion: Companion,
    environments: Path | None,
    bundle: Path | ModelUri,
    data: Path | None,
    console: Console,
) -> int:
    """Have the bundle in its directory, and become the server; return an exit code if packing fails."""
    environ = companion.environ
    if isinstance(bundle, ModelUri):
        _fetch(settings, environ, console)
    elif is_model(bundle):
        temporary = Path(tempfile.mkdtemp(prefix="ml-service-"))
        companion = dataclasses.replace(companion, temporary=temporary)
        environ["MODEL_DIR"] = str(temporary / "bundle")
        options = ["--quiet"] if console.quiet else []
        options += ["--no-env"] if environments is None else ["--environments", str(environments)]
        options += ["--data", str(data)] if data else []
        if status := _pack([str(bundle), *options], environ, temporary):
            return status
    elif not (bundle / "manifest.json").exists():
        raise BundleMissing(f"{bundle} is neither a bundle nor a model file; make one with `{session.program} pack`")
    python = _python(environ, environments, console)
    companion.start()
    os.chdir(ROOT)
    return os.execve(python, [str(python), "-m", "gunicorn"], environ)  # noqa: S606  # no shell; it never returns


def _fetch(settings: Settings, environ: Mapping[str, str], console: Console) -> None:
    """Fetch the bundle, so that the server finds it in place; raises ModelError."""
    start = time.monotonic()
    if (origin := origin_of(settings, environ)) is None:
        return
    try:
        with console.progress() as progress:
            fetched = origin.bring_new(progress=progress)
    except Refused as error:
        raise NoRoom(str(error)) from None
    console.note(origin.describe(fetched, time.monotonic() - start))


def is_model(path: Path) -> bool:
    """Return whether `pack` takes a path: a file, or a directory of MLflow."""
    return path.is_file() or (path / "MLmodel").exists()


def _settings(environ: Mapping[str, str]) -> tuple[dict[str, str], Settings]:
    """Return the server's environment and its settings; paths are absolute, as the server changes its directory."""
    environ = {name: value for name, value in environ.items() if value}  # gunicorn fails with some empty variables
    try:
        settings = Settings.from_env(environ)
    except SettingError as error:
        raise click.UsageError(str(error)) from None
    values = {field.name.upper(): getattr(settings, field.name) for field in dataclasses.fields(settings)}
    paths = {name: str(value.absolute()) for name, value in values.items() if isinstance(value, Path)}
    return {"MALLOC_ARENA_MAX": ARENAS, **environ, **paths}, settings


def free_port(host: str, port: int) -> int:
    """Return the port, or a free one for 0; raises OSError, which says what to do, if the port cannot be used."""
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
    """Pack a model file in a process of its own, which reports on stderr, because stdout is the server's log."""
    command = [sys.executable, "-m", "model", "pack", "--output", environ["MODEL_DIR"], *words]
    status = 1
    try:
        status = subprocess.run(command, env=environ, stdout=sys.stderr, check=False).returncode  # noqa: S603  # our own command
    finally:
        if status:
            shutil.rmtree(temporary, ignore_errors=True)
    return status


def _python(environ: Mapping[str, str], environments: Path | None, console: Console) -> Path:
    """Return the Python that serves the bundle: this one, or that of an environment with the bundle's scikit-learn."""
    if find_spec("model.environments") is None:  # the images leave environments out
        return Path(sys.executable)
    return python_for(Path(environ["MODEL_DIR"]), environ, environments, console)[0]
