"""Packs an estimator of this process, in a process of its own."""

import json
import os
import warnings
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mlservice.errors import Error
from mlservice.handover import hand_over
from mlservice.kept import Command, Kept

_SHOWN: Final = 2000  # characters of a log
_GIVEN, _ANSWER = "given.pickle", "answer.json"
_PROGRAM: Final = (
    "import os, sys; from model.thread_limits import limit_threads; limit_threads(os.environ); "
    "from model.packing.handed_over import answer; answer(*sys.argv[1:])"
)


@dataclass(frozen=True)
class Packed:
    """A bundle on disk: its directory, the digest to pin (MODEL_SHA256), what computes it, and what it answers.

    `code` is the directory of your own code that it needs (MODEL_CODE).
    """

    directory: Path
    name: str
    version: str
    digest: str
    engine: str
    outputs: tuple[str, ...]
    code: Path | None


def pack(
    estimator: Any,
    directory: str | os.PathLike[str],
    *,
    data: Any = None,
    name: str | None = None,
    version: str = "1",
    code: str | os.PathLike[str] | None = None,
    allow_pickle: bool = False,
    compiled: bool = True,
    thresholds: Mapping[Any, float] | None = None,
) -> Packed:
    """Write a fitted estimator as a bundle, and verify that it answers the same; raises Error.

    `data` are training rows: they sharpen the schema, and the compiled form is compared on them. `name` is by default
    that of the estimator's class. `code` is the directory of your own modules that the estimator needs; by default it
    is found. `allow_pickle` writes a pickle if nothing else holds the estimator, `compiled=False` leaves out the
    compiled form, and `thresholds` are those of classes (docs/models.md).
    """
    options = {"allow_pickle": allow_pickle, "compiled": compiled, "thresholds": thresholds}
    with closing(Kept()) as kept:
        return pack_with(kept, estimator, Path(directory), data, code, name=name, version=version, **options)


def pack_with(
    kept: Kept,
    estimator: Any,
    directory: Path,
    data: Any,
    code: str | os.PathLike[str] | None,
    *,
    name: str | None,
    **options: Any,
) -> Packed:
    """Do what `pack` does, with a folder for the estimator and its data; warn of what packing warns of."""
    if isinstance(estimator, (str, os.PathLike)):
        raise Error(
            "unsupported_estimator",
            f"{os.fspath(estimator)!r} is a path, not a model; pass the fitted estimator, for example what joblib.load "
            "returns for the file. `ml-service serve` in a terminal serves a file or a bundle.",
        )
    given, own = kept.folder / _GIVEN, None if code is None else Path(code).absolute()
    with given.open("wb") as file:
        handed = hand_over({"estimator": estimator, "data": data, **options}, file, own)
    told = {
        "output": str(directory.absolute()),
        "code": handed.code and str(handed.code),
        "name": name or _name_of(estimator),
        "stand_ins": handed.stand_ins,
    }
    kept.start(Command(["-c", _PROGRAM, str(given), json.dumps(told)], out="pack.out", err="pack.log"))
    kept.wait_for(lambda: False)
    given.unlink()
    if not (answer := kept.read(_ANSWER)):
        said = kept.read("pack.log")[-_SHOWN:]
        raise Error("packing_failed", f"the packing process ended; it said: {said or 'nothing'}")
    found = json.loads(answer)
    for message in found.pop("warnings"):
        warnings.warn(message, stacklevel=3)
    if "code" in found:
        raise Error(found["code"], found["message"])
    return Packed(directory, code=handed.code, **{**found, "outputs": tuple(found["outputs"])})


def _name_of(estimator: Any) -> str:
    """Return a name for a model: that of its class, or of its last step's."""
    estimator = getattr(estimator, "best_estimator_", estimator)
    steps = getattr(estimator, "steps", None)
    return type(steps[-1][1] if steps else estimator).__name__.lower()
