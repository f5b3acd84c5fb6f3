"""Packs a fitted estimator that is in a file."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from model.commands.inspect_bundle import describe_engine
from model.commands.options import add_code, add_output, say_progress
from model.loading import Loaded

HELP = "make a bundle of a fitted estimator: joblib, pickle, skops, or an MLflow directory"


def add_arguments(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("path", type=Path, help="the file or directory; all formats but skops run code, so only use your own")
    add("--data", type=Path, help="training rows, .csv or .parquet; columns that the model does not take are ignored")
    add("--no-compile", action="store_true", help="leave out the compiled form, which is faster to serve")
    add("--allow-pickle", action="store_true", help="write a pickle if skops cannot hold the model")
    add_output(parser, environ)
    add_code(parser, environ)


def run(options: argparse.Namespace) -> int:
    """Pack the estimator, and print what came of it."""
    from model.packing.data_files import rows_at  # noqa: PLC0415  # the serving images have no packing
    from model.packing.pack import pack  # noqa: PLC0415  # likewise
    from model.packing.sources import read_source  # noqa: PLC0415  # likewise

    say_progress(f"reading {options.path}")
    source = read_source(options.path, options.code)
    estimator = source.estimator
    say_progress(f"{options.path} is {source.described}")
    data = rows_at(options.data, getattr(estimator, "best_estimator_", estimator)) if options.data else None
    say_progress("packing and verifying")
    loaded = pack(
        estimator,
        options.output,
        name=options.name or options.path.stem,
        version=options.version,
        data=data,
        allow_pickle=options.allow_pickle,
        code=options.code,
        compiled=not options.no_compile,
    )
    report(loaded, options.output)
    return 0


def report(loaded: Loaded, output: Path) -> None:
    """Print a packed model's engine, score and digest."""
    manifest, score = loaded.manifest, loaded.manifest.score
    scored = f"{score.metric} {score.value:.3f} on {score.rows} held-out rows" if score else "not scored"
    print(f"engine: {describe_engine(manifest)}")
    print(f"{manifest.name} {manifest.version}: {scored}; packed in {output}, MODEL_SHA256={loaded.digest}")
