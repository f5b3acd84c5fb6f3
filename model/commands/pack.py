"""Packs a fitted estimator that is in a file."""

import itertools
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from model.commands.console import Console
from model.commands.exit_codes import ExitCode
from model.commands.framework import (
    Session,
    code_option,
    command,
    environment_options,
    environments_in,
    output_options,
    reporting,
)
from model.commands.packed import report_packed
from model.commands.parameters import DIRECTORY
from model.errors import PackingWarning
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


class Threshold(click.ParamType[tuple[str, float]]):
    """A class, and the probability from which on it is the answer."""

    name = "CLASS=NUMBER"

    def convert(
        self, value: str | tuple[str, float], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Split at the last equals sign."""
        if isinstance(value, tuple):
            return value
        name, _, number = value.rpartition("=")
        try:
            return name, float(number)
        except ValueError:
            self.fail(f"{value!r} is not CLASS=NUMBER, such as spam=0.3", param, ctx)


@dataclass(frozen=True)
class Order:
    """The arguments of the command."""

    path: Path
    data: Path | None
    no_compile: bool
    allow_pickle: bool
    threshold: tuple[tuple[str, float], ...]
    output: Path
    version: str
    epoch: int | None
    name: str | None
    code: Path | None


@command("forest.joblib --data train.csv --output tumours --name tumours", "text.joblib --threshold spam=0.3 --json")
@click.argument("path", type=DIRECTORY, metavar="MODEL")
@click.option("--data", type=DIRECTORY, help="Training rows, .csv or .parquet; columns not in the model are ignored.")
@click.option("--no-compile", is_flag=True, help="Leave out the compiled form, which is faster to serve.")
@click.option("--allow-pickle", is_flag=True, help="Write a pickle if skops cannot hold the model.")
@click.option(
    "--threshold",
    type=Threshold(),
    multiple=True,
    help="Answer this class where its probability is at least the number, 0 < NUMBER ≤ 1; once for each class.",
)
@output_options
@click.option("--name", help="The model's name.  [default: that of the file]")
@code_option
@environment_options
@reporting
@click.pass_obj
def run(session: Session, /, environments: Path | None, no_env: bool, console: Console, **order: Any) -> int:  # noqa: FBT001  # an option
    """Make a bundle of a fitted estimator: joblib, pickle, skops, or an MLflow directory.

    MODEL is the file or directory. All formats but skops run code when they are read, so only use your own.
    """
    from model.commands.other_version import Elsewhere, packed_elsewhere  # noqa: PLC0415  # images have no packing

    wanted = Order(**order)
    place = None if no_env else environments_in(environments, session.environ)
    with _warnings_shown(console):
        elsewhere = packed_elsewhere(wanted.path, wanted.output, Elsewhere(place, session, console))
        return _pack(wanted, console) if elsewhere is None else elsewhere


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


def _pack(order: Order, console: Console) -> ExitCode:
    from model.packing.image_recipe import image_recipe  # noqa: PLC0415  # the serving images have no packing
    from model.packing.pack import pack  # noqa: PLC0415  # likewise
    from model.packing.sources import read_source  # noqa: PLC0415  # likewise

    with console.progress() as bar:

        def progress(step: Step) -> None:
            before = itertools.takewhile(lambda each: each != step, _SHARES)
            bar.show(step, sum(map(_SHARES.__getitem__, before)), sum(_SHARES.values()))

        progress(Step.READ_MODEL)
        source = read_source(order.path, order.code)
        loaded = pack(
            source.estimator,
            order.output,
            name=order.name or order.path.stem,
            version=order.version,
            data=_data(order.data, source.estimator, progress),
            allow_pickle=order.allow_pickle,
            code=order.code,
            compiled=not order.no_compile,
            thresholds=dict(order.threshold),
            predict_fn=source.predict_fn,
            dtypes=source.dtypes,
            epoch=order.epoch,
            progress=progress,
        )
    console.note(f"{order.path} is {source.described}")
    report_packed(loaded, order.output, console, image_recipe(loaded.manifest))
    return ExitCode.OK


def _data(path: Path | None, estimator: Any, progress: Progress) -> Any:
    """Return the training rows in a file, None without a file."""
    if path is None:
        return None
    from model.packing.data_files import rows_at  # noqa: PLC0415  # the serving images have no packing
    from model.packing.pruning import keep_what_predicts  # noqa: PLC0415  # likewise

    progress(Step.READ_DATA)
    return rows_at(path, keep_what_predicts(estimator))
