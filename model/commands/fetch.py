"""Fetches a bundle from object storage, a web server, a folder or an MLflow registry into a directory."""

import time
from pathlib import Path

import click

from model.commands.console import Console
from model.commands.framework import ExitCode, Session, command
from model.commands.options import DIRECTORY, as_uri, keys_option, option, pin_option, reporting
from model.storage.fetching import Fetch, Fetched
from model.storage.places import Access
from model.storage.uris import ModelUri


@command(
    "s3://models/churn churn",
    "models:/churn@champion churn --json",
    "https://models.example.com/churn/7 churn --pin SHA256",
)
@click.argument("uri", type=as_uri, envvar="MODEL_URI")
@click.argument("directory", type=DIRECTORY, metavar="DIR", envvar="MODEL_DIR")
@pin_option
@option(
    "--seconds", type=click.FloatRange(0.01, 86400), envvar="FETCH_SECONDS", default=300.0,
    help="How long it may take, with all attempts.",
)  # fmt: skip
@option(
    "--bytes", "most_bytes", type=click.IntRange(1), envvar="FETCH_BYTES", default=1 << 32,
    help="The largest bundle that is fetched.",
)  # fmt: skip
@option("--allow-http", is_flag=True, envvar="ALLOW_HTTP", help="Fetch over http:// from other machines.")
@keys_option
@reporting
@click.pass_obj
def run(
    session: Session,
    /,
    *,
    uri: ModelUri,
    directory: Path,
    pin: str | None,
    seconds: float,
    most_bytes: int,
    allow_http: bool,
    keys: Path | None,
    console: Console,
) -> ExitCode:
    """Fetch the bundle at URI into DIR: a new or empty directory, or one with a bundle, which is replaced.

    URI is s3://, gs://, az:// (these need the extra `storage`), https://, file:// or models:/NAME/VERSION. Credentials
    come from the standard variables of each provider. An interrupted fetch is resumed, and files that are there already
    are not fetched again.
    """
    access = Access(session.environ, seconds, allow_http)
    start = time.monotonic()
    with console.progress() as progress:
        fetched = Fetch(uri, directory, access, most_bytes, pin and pin.lower(), keys).run(progress)
    _report(fetched, directory, time.monotonic() - start, console)
    return ExitCode.OK


def _report(fetched: Fetched, directory: Path, seconds: float, console: Console) -> None:
    manifest = fetched.manifest
    document = {
        "name": manifest.name,
        "version": manifest.version,
        "digest": fetched.digest,
        "directory": str(directory),
        "replaced": fetched.replaced,
        "bytes": fetched.received,
        "seconds": round(seconds, 3),
    }
    came = f"{fetched.received:,} bytes in {seconds:.1f} s" if fetched.replaced else "it was there already"
    line = f"{manifest.name} {manifest.version} is in {directory} ({came}), MODEL_SHA256={fetched.digest}"
    console.report(document, line)
