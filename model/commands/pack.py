"""Packs a fitted estimator that is in a file."""

import argparse
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model.commands.inspect_bundle import describe_engine
from model.commands.options import add_code, add_environments, add_output, say_progress
from model.commands.progress import progress_bar
from model.errors import PackingWarning
from model.loading import Loaded
from model.steps import Progress, Step

HELP = "make a bundle of a fitted estimator: joblib, pickle, skops, or an MLflow directory"

_THRESHOLD = "answer this class where its probability is at least the number, 0 < NUMBER ≤ 1; once for each class"


def add_arguments(parser: argparse.ArgumentParser, environ: Mapping[str, str]) -> None:
    """Declare the command's arguments."""
    add = parser.add_argument
    add("path", type=Path, help="the file or directory; all formats but skops run code, so only use your own")
    add("--data", type=Path, help="training rows, .csv or .parquet; columns that the model does not take are ignored")
    add("--no-compile", action="store_true", help="leave out the compiled form, which is faster to serve")
    add("--allow-pickle", action="store_true", help="write a pickle if skops cannot hold the model")
    add("--threshold", type=_threshold, action="append", default=[], metavar="CLASS=NUMBER", help=_THRESHOLD)
    add_output(parser, environ)
    add_code(parser, environ)
    add_environments(parser, environ)


def _threshold(given: str) -> tuple[str, float]:
    name, _, number = given.rpartition("=")
    try:
        return name, float(number)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{given!r} is not CLASS=NUMBER, such as spam=0.3") from None


def run(options: argparse.Namespace) -> int:
    """Pack the estimator, and print what came of it, and on stderr what its owner should know."""
    show = warnings.showwarning

    def say(message: Warning | str, category: type[Warning], *rest: Any, **options: Any) -> None:
        if issubclass(category, PackingWarning):
            print(f"warning: {message}", file=sys.stderr, flush=True)
        else:
            show(message, category, *rest, **options)

    with warnings.catch_warnings():
        warnings.simplefilter("always", PackingWarning)
        warnings.showwarning = say
        return _pack(options)


def _pack(options: argparse.Namespace) -> int:
    """Pack one of another scikit-learn version where that version is."""
    from model.commands.other_version import packed_elsewhere  # noqa: PLC0415  # the serving images have no packing

    elsewhere = packed_elsewhere(options)
    if elsewhere is not None:
        return elsewhere
    from model.packing.image_recipe import image_recipe  # noqa: PLC0415  # likewise
    from model.packing.pack import pack  # noqa: PLC0415  # likewise
    from model.packing.sources import read_source  # noqa: PLC0415  # likewise

    with progress_bar() as progress:
        progress(Step.READ_MODEL)
        source = read_source(options.path, options.code)
        loaded = pack(
            source.estimator,
            options.output,
            name=options.name or options.path.stem,
            version=options.version,
            data=_data(options.data, source.estimator, progress),
            allow_pickle=options.allow_pickle,
            code=options.code,
            compiled=not options.no_compile,
            thresholds=dict(options.threshold),
            predict_fn=source.predict_fn,
            dtypes=source.dtypes,
            progress=progress,
        )
    say_progress(f"{options.path} is {source.described}")
    report(loaded, options.output)
    if lines := image_recipe(loaded.manifest):
        print("it needs more than the image of the server has; a Dockerfile for it:", *lines, sep="\n    ")
    return 0


def _data(path: Path | None, estimator: Any, progress: Progress) -> Any:
    """Return the training rows of a file, if one is given."""
    if path is None:
        return None
    from model.packing.data_files import rows_at  # noqa: PLC0415  # the serving images have no packing
    from model.packing.pruning import keep_what_predicts  # noqa: PLC0415  # likewise

    progress(Step.READ_DATA)
    return rows_at(path, keep_what_predicts(estimator))


def describe_outputs(loaded: Loaded) -> str:
    """Return what callers can ask for, and what only the other engine would answer."""
    names = [spec.member for spec in loaded.outputs]
    others = [spec.member for spec in loaded.manifest.further if spec.member not in names]
    more = f"; with ENGINE=scikit-learn, also {', '.join(others)}" if others and loaded.manifest.requires != [] else ""
    return ", ".join(names) + more


def report(loaded: Loaded, output: Path) -> None:
    """Print a packed model's engine, score and digest."""
    manifest, score = loaded.manifest, loaded.manifest.score
    scored = f"{score.metric} {score.value:.3f} on {score.rows} held-out rows" if score else "not scored"
    print(f"engine: {describe_engine(manifest)}")
    print(f"{manifest.name} {manifest.version}: {scored}; packed in {output}, MODEL_SHA256={loaded.digest}")
    print(f"outputs: {describe_outputs(loaded)}")
