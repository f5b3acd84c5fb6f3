"""What several commands share: arguments, progress on stderr, results as JSON."""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.bundle.trust import Trust


def add_output(parser: argparse.ArgumentParser, environ: Mapping[str, str], name: str | None = None) -> None:
    """Add where to write a bundle, and the model's name and version."""
    add = parser.add_argument
    add("--output", type=Path, default=_directory(environ), help="the bundle's directory (default: %(default)s)")
    add("--name", default=name, help="the model's name (default: %(default)s)")
    add("--version", default="1", help="the model's version (default: %(default)s)")


def add_environments(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Add where environments of other scikit-learn versions are, and whether one may be made."""
    cache = environ.get("XDG_CACHE_HOME") or f"{environ.get('HOME', '.')}/.cache"
    place = Path(environ.get("MODEL_ENVIRONMENTS") or f"{cache}/ml-service/environments")
    help_ = "where environments of other scikit-learn versions are made (default: %(default)s)"
    parser.add_argument("--environments", type=Path, default=place, help=help_)
    parser.add_argument("--no-env", action="store_true", help="make none, and say how to do it by hand")


def add_bundle(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Add which bundle to read, and how to print what was found."""
    add = parser.add_argument
    add("bundle", type=Path, nargs="?", default=_directory(environ), help="its directory (default: %(default)s)")
    add("--json", action="store_true", help="print JSON")


def add_code(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Add where the operator's own modules are."""
    code = environ.get("MODEL_CODE")
    help_ = "the directory of your own modules that the model needs"
    parser.add_argument("--code", type=Path, default=Path(code) if code else None, help=help_)


def add_trust(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Add what the operator trusts."""
    pin, pickle = environ.get("MODEL_SHA256") or None, environ.get("ALLOW_PICKLE") == "1"
    parser.add_argument("--pin", default=pin, help="the sha256 that the manifest must have")
    parser.add_argument("--allow-pickle", action="store_true", default=pickle, help="load a pickle, if it is pinned")
    add_code(parser, environ)


def trust_in(options: argparse.Namespace) -> Trust:
    """Return what the operator trusts, as `add_trust` asked."""
    return Trust(options.pin, options.allow_pickle, options.code)


def say_progress(step: str) -> None:
    """Print on stderr what happens next."""
    print(f"{step} …", file=sys.stderr, flush=True)


def to_json(found: Any) -> str:
    """Return what a command found, for a program to read."""
    return json.dumps(found, indent=2)


def _directory(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("MODEL_DIR") or "bundle")
