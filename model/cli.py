"""`python -m model`: what a person or a build does with models."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from model.errors import ModelError


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; a model that cannot be used is one line on stderr and exit code 1.

    `environ` gives the defaults that the server's own settings give: MODEL_DIR.
    """
    options = _parser(Path(environ.get("MODEL_DIR", "bundle"))).parse_args(arguments)
    try:
        print(_train(options))
    except (ModelError, OSError) as error:
        print(f"ml-service: {error}", file=sys.stderr)
        return 1
    return 0


def _parser(bundle: Path) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model", description="Make models that the server serves.")
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="fit the reference model on iris, score it on held-out rows, pack it")
    train.add_argument("--output", type=Path, default=bundle, help="the bundle's directory (default: %(default)s)")
    train.add_argument("--name", default="iris", help="the model's name (default: %(default)s)")
    train.add_argument("--version", default="1", help="the model's version (default: %(default)s)")
    return parser


def _train(options: argparse.Namespace) -> str:
    from model.training import train  # noqa: PLC0415  # the serving image has no training code

    loaded = train(options.output, options.name, options.version)
    manifest, score = loaded.manifest, loaded.manifest.score
    reached = f"{score.metric} {score.value:.3f} on {score.rows} held-out rows" if score else "not scored"
    return f"{manifest.name} {manifest.version}: {reached}; packed in {options.output}, MODEL_SHA256={loaded.digest}"
