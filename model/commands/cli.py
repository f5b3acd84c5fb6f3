"""`python -m model`: what a person or a build does with models."""

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from model.bundle.trust import Trust
from model.commands import bench, check, inspect_bundle
from model.errors import ModelError
from model.loading import Loaded
from model.oneline import one_line


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; a model that cannot be used is one line on stderr and exit code 1.

    `environ` gives the defaults that the server's own settings give.
    """
    options = _parser(environ).parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = options.run
    try:
        return run(options)
    except (ModelError, OSError) as error:
        print(one_line(f"ml-service: {getattr(error, 'code', 'error')}: {error}"), file=sys.stderr)
        return 1


def _parser(environ: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m model", description="Make and examine models that are served.")
    commands = parser.add_subparsers(required=True)
    bundle = Path(environ.get("MODEL_DIR") or "bundle")

    def command(name: str, run: Callable[[argparse.Namespace], int], words: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=words, description=words)
        added.set_defaults(run=run)
        return added

    train = command("train", _train, "fit the reference model on iris, score it on held-out rows, pack it")
    pack = command("pack", _pack, "make a bundle of a fitted estimator: joblib, pickle, skops, or an MLflow directory")
    pack.add_argument("path", type=Path, help="the file or directory; all but skops run code, so only your own")
    pack.add_argument("--data", type=Path, help="training rows, .csv or .parquet; further columns are ignored")
    pack.add_argument(
        "--no-compile", action="store_true", help="leave out the compiled form, which is quicker to serve"
    )
    pack.add_argument("--allow-pickle", action="store_true", help="write a pickle where skops cannot hold the model")
    for each, name in ((train, "iris"), (pack, None)):
        each.add_argument("--output", type=Path, default=bundle, help="the bundle's directory (default: %(default)s)")
        each.add_argument("--name", default=name, help="the model's name (default: %(default)s)")
        each.add_argument("--version", default="1", help="the model's version (default: %(default)s)")
    inspect = command("inspect", _inspect, "say what is in a bundle, without loading it")
    checked = command("check", _check, "load a bundle as the server does, and predict its golden rows in a worker")
    measured = command("bench", _bench, "measure a bundle here, and recommend workers and threads")
    measured.add_argument(
        "--seconds", type=float, default=1.0, help="length of each measurement (default: %(default)s)"
    )
    for each in (checked, measured):
        each.add_argument("--pin", default=environ.get("MODEL_SHA256") or None, help="the sha256 it must have")
        each.add_argument("--allow-pickle", action="store_true", default=environ.get("ALLOW_PICKLE") == "1")
    for each in (inspect, checked, measured):
        each.add_argument("bundle", type=Path, nargs="?", default=bundle, help="its directory (default: %(default)s)")
        each.add_argument("--json", action="store_true", help="for a program to read")
    for each in (pack, checked, measured):
        code = environ.get("MODEL_CODE")
        each.add_argument("--code", type=Path, default=Path(code) if code else None, help="a directory of own modules")
    return parser


def _train(options: argparse.Namespace) -> int:
    from model.packing.reference_model import train  # noqa: PLC0415  # the serving image has no training code

    return _packed(train(options.output, options.name, options.version), options.output)


def _pack(options: argparse.Namespace) -> int:
    from model.packing.pack import pack  # noqa: PLC0415  # nor this
    from model.packing.sources import estimator_at, rows_at  # noqa: PLC0415

    _progress(f"reading {options.path}")
    estimator = estimator_at(options.path, options.code)
    data = rows_at(options.data, getattr(estimator, "best_estimator_", estimator)) if options.data else None
    _progress("packing and proving")
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
    return _packed(loaded, options.output)


def _packed(loaded: Loaded, output: Path) -> int:
    manifest, score = loaded.manifest, loaded.manifest.score
    reached = f"{score.metric} {score.value:.3f} on {score.rows} held-out rows" if score else "not scored"
    print(f"engine: {inspect_bundle.engine_of(manifest)}")
    print(f"{manifest.name} {manifest.version}: {reached}; packed in {output}, MODEL_SHA256={loaded.digest}")
    return 0


def _inspect(options: argparse.Namespace) -> int:
    print((inspect_bundle.as_json if options.json else inspect_bundle.as_table)(options.bundle))
    return 0


def _check(options: argparse.Namespace) -> int:
    trust = Trust(options.pin, options.allow_pickle, options.code)
    findings = list(check.check(options.bundle, trust, _progress))
    print((check.as_json if options.json else check.as_table)(findings))
    return 0 if all(finding.ok for finding in findings) else 1


def _bench(options: argparse.Namespace) -> int:
    trust = Trust(options.pin, options.allow_pickle, options.code)
    report = bench.bench(options.bundle, trust, options.seconds, _progress)
    print((bench.as_json if options.json else bench.as_table)(report))
    return 0


def _progress(doing: str) -> None:
    print(f"{doing} …", file=sys.stderr, flush=True)
