"""Packs a fitted estimator that is in a file."""

import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from model.commands.console import Console
from model.commands.framework import ExitCode, Session, command
from model.commands.inspect_bundle import describe_engine
from model.commands.options import DIRECTORY, code_option, environment_options, option, output_options, reporting
from model.errors import PackingWarning
from model.loading import Loaded
from model.steps import Progress, Step

# The share of each step in percent, as measured for a forest of 200 trees and 20,000 rows, which takes seconds.
_SHARES: Final = {
    Step.READ_MODEL: 3,
    Step.READ_DATA: 3,
    Step.READ_SIGNATURE: 5,
    Step.COMPILE: 8,
    Step.COMPARE_TRAINING: 18,
    Step.COMPARE_RANDOM: 11,
    Step.COMPARE_FAR: 1,
    Step.COMPARE_EDGES: 17,
    Step.MEASURE: 5,
    Step.SERIALISE: 15,
    Step.VERIFY: 14,
}


def as_threshold(value: str) -> tuple[str, float]:
    """Return a class, and the probability from which on it is the answer; the last equals sign separates them."""
    name, _, number = value.rpartition("=")
    try:
        return name, float(number)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not CLASS=NUMBER, such as spam=0.3") from None


@command("forest.joblib --data train.csv --output tumours --name tumours", "text.joblib --threshold spam=0.3 --json")
@click.argument("path", type=DIRECTORY, metavar="MODEL")
@option("--data", type=DIRECTORY, help="Training rows, .csv or .parquet; columns not in the model are ignored.")
@option("--no-compile", is_flag=True, help="Leave out the compiled form, which is faster to serve.")
@option("--allow-pickle", is_flag=True, help="Write a pickle if skops cannot hold the model.")
@option(
    "--threshold", type=as_threshold, multiple=True, metavar="CLASS=NUMBER",
    help="Answer this class where its probability is at least the number, 0 < NUMBER ≤ 1; once for each class.",
)  # fmt: skip
@output_options
@option("--name", help="The model's name.  [default: that of the file]")
@code_option
@environment_options
@reporting
@click.pass_obj
def run(session: Session, /, environments: Path | None, console: Console, **options: Any) -> int:
    """Make a bundle of a fitted estimator: joblib, pickle, skops, or an MLflow directory.

    MODEL is the file or directory. All formats but skops run code when they are read, so only use your own.
    """
    from model.commands.other_version import packed_elsewhere  # noqa: PLC0415  # the serving images have no packing

    with _warnings_shown(console):
        elsewhere = packed_elsewhere(options["path"], options["output"], environments, session, console)
        return _pack(console, **options) if elsewhere is None else elsewhere


@contextmanager
def _warnings_shown(console: Console) -> Iterator[None]:
    """Show every PackingWarning on stderr, repeated ones too."""
    show = warnings.showwarning

    def say(message: Warning | str, category: type[Warning], *rest: Any, **options: Any) -> None:
        if issubclass(category, PackingWarning):
            console.warn(str(message))
        else:
            show(message, category, *rest, **options)

    with warnings.catch_warnings():
        warnings.simplefilter("always", PackingWarning)
        warnings.showwarning = say
        yield


def _pack(
    console: Console,
    *,
    path: Path,
    data: Path | None,
    no_compile: bool,
    threshold: tuple[tuple[str, float], ...],
    output: Path,
    name: str | None,
    code: Path | None,
    **further: Any,  # options of the same names as parameters of pack
) -> ExitCode:
    from model.packing.pack import pack  # noqa: PLC0415  # the serving images have no packing
    from model.packing.requirements import image_recipe  # noqa: PLC0415  # likewise
    from model.packing.sources import read_source  # noqa: PLC0415  # likewise

    with console.progress() as bar:

        def progress(step: Step) -> None:
            before = itertools.takewhile(lambda each: each != step, _SHARES)
            bar(step, sum(map(_SHARES.__getitem__, before)), sum(_SHARES.values()))

        progress(Step.READ_MODEL)
        source = read_source(path, code)
        loaded = pack(
            source.estimator,
            output,
            name=name or path.stem,
            data=_data(data, source.estimator, progress),
            code=code,
            compiled=not no_compile,
            thresholds=dict(threshold),
            predict_fn=source.predict_fn,
            dtypes=source.dtypes,
            progress=progress,
            **further,
        )
    console.note(f"{path} is {source.described}")
    report_packed(loaded, output, console, image_recipe(loaded.manifest))
    return ExitCode.OK


def _data(path: Path | None, estimator: Any, progress: Progress) -> Any:
    """Return the training rows in a file, None without a file."""
    if path is None:
        return None
    from model.packing.data_files import rows_at  # noqa: PLC0415  # the serving images have no packing
    from model.packing.pruning import keep_what_predicts  # noqa: PLC0415  # likewise

    progress(Step.READ_DATA)
    return rows_at(path, keep_what_predicts(estimator))


def report_packed(loaded: Loaded, output: Path, console: Console, recipe: list[str] | None = None) -> None:
    """Print a packed model's engine, score, outputs and digest, and the lines of a Dockerfile if it needs its own."""
    manifest, score = loaded.manifest, loaded.manifest.score
    scored = f"{score.metric} {score.value:.3f} on {score.rows} held-out rows; " if score else ""
    lines = [
        f"engine: {describe_engine(manifest)}",
        f"{manifest.name} {manifest.version}: {scored}packed in {output}, MODEL_SHA256={loaded.digest}",
        f"outputs: {describe_outputs(loaded)}",
    ]
    if recipe:
        lines += ["it needs more than the image of the server has; a Dockerfile for it:", *(f"    {r}" for r in recipe)]
    document = {
        "name": manifest.name,
        "version": manifest.version,
        "digest": loaded.digest,
        "directory": str(output),
        "engine": loaded.engine.name,
        "score": {"metric": score.metric, "value": score.value, "rows": score.rows} if score else None,
        "outputs": [spec.member for spec in loaded.outputs],
        "dockerfile": recipe or None,
    }
    console.report(document, "\n".join(lines))


def describe_outputs(loaded: Loaded) -> str:
    """Return the outputs that requests can ask for, and those that only the other engine has."""
    names = [spec.member for spec in loaded.outputs]
    others = [spec.member for spec in loaded.manifest.further if spec.member not in names]
    more = f"; with ENGINE=scikit-learn, also {', '.join(others)}" if others and loaded.manifest.requires != [] else ""
    return ", ".join(names) + more
