"""What Ray Data, Spark and the like call with each batch of rows: scores it as the server answers a request with it."""

import hashlib
import os
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from mlservice import frames
from mlservice.errors import Error
from mlservice.scoring_process import Given, ScoringProcess, shared

_MANIFEST: Final = "manifest.json"
# What Spark calls the types of predictions; it has no unsigned numbers.
_SPARK: Final = {"float64": "double", "int64": "long", "uint64": "decimal(20,0)", "bool": "boolean", "string": "string"}
Place = str | os.PathLike[str]


class Scorer:
    """Adds predictions to batches of rows: what `ml-service score` adds to a file, with the same options.

    A batch is a dict of NumPy arrays, a pandas DataFrame, or a pyarrow Table or RecordBatch, and so is what comes back.

    `bundle` is a path where the batches are scored, or a function that returns it there. `columns` are those of the
    batch that come back beside the predictions: "all", "none", or a list of names. `outputs` are names of outputs of
    the model, by default labels and probabilities. `bad_rows` says what becomes of a row that cannot be scored: "stop"
    raises Error, "keep" leaves its predictions empty and adds the columns `code` and `reason`. `settings` are those of
    the server that say how rows are read: MISSING_COLUMNS, IGNORE_EXTRA_COLUMNS, ENGINE. The others are those of
    `ml-service score`: the digest to pin, whether to load a pickle that is pinned, the public keys of which one must
    have signed the bundle, and the directory of your own code.

    The model is loaded once for each process that scores, into a process of its own that ends with it. It is no part
    of the object, which may be pickled and sent to others. If the bundle is there when the object is made, all of them
    must have the same one.
    """

    def __init__(
        self,
        bundle: Place | Callable[[], Place],
        *,
        columns: str | Sequence[str] = "all",
        outputs: Sequence[str] = (),
        bad_rows: str = "stop",
        pin: str | None = None,
        allow_pickle: bool = False,
        signature_key: Place | None = None,
        code: Place | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        if isinstance(columns, str) and columns not in ("all", "none"):
            raise ValueError(f"columns={columns!r}: expected 'all', 'none', or a list of names, such as [{columns!r}]")
        if bad_rows not in ("stop", "keep"):
            raise ValueError(f"bad_rows={bad_rows!r}: expected 'stop' or 'keep'")
        self._bundle = bundle if callable(bundle) else os.fspath(bundle)
        self._columns = columns if isinstance(columns, str) else tuple(columns)
        self._keeps_bad = bad_rows == "keep"
        self._given = Given(
            outputs=(outputs,) if isinstance(outputs, str) else tuple(outputs),
            pin=pin,
            allow_pickle=allow_pickle,
            signature_key=None if signature_key is None else os.fspath(signature_key),
            code=None if code is None else os.fspath(code),
            settings=tuple((name, str(value)) for name, value in (settings or {}).items()),
        )
        self._digest = None if callable(self._bundle) else _digest_of(Path(self._bundle))
        self._process: ScoringProcess | None = None

    def __call__(self, batch: Any) -> Any:
        """Return the batch with its predictions; raises Error."""
        given = frames.of(batch)
        return self._with(given, self._predictions(given))

    def batches(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Yield each batch with its predictions: for Spark's mapInArrow and mapInPandas, with `spark_schema`."""
        for given in map(frames.of, batches):
            yield self._with(given, frames.signed(self._predictions(given)))

    def spark_schema(self, frame: Any) -> Any:
        """Return the schema of what `batches` makes of a Spark DataFrame; raises Error if it lacks columns.

        It loads the model in this process, and forgets it again.
        """
        schema, process = frame.schema, self._started()
        self._check(schema.names, process)
        found = type(schema)([schema[name] for name in self._kept(schema.names)])
        for name, dtype in self._added(process):
            found = found.add(name, _SPARK[dtype])
        process.close()
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Return what other processes get: all but the process that scores for this one."""
        return {**self.__dict__, "_process": None}

    def _predictions(self, given: frames.Batch) -> Any:
        """Return what is added to a batch, as a pyarrow Table; raises Error."""
        process = self._started()
        model = process.model
        self._check(given.names, process)
        parts = []
        for start, rows, kind, content in given.requests(model.columns, model.most_rows):
            bad, answer = process.score(kind, content)
            if bad and not self._keeps_bad:
                raise self._bad_row(given, start, *bad[0])
            parts.append(frames.predictions(answer, rows, bad, model.added, keeps_bad=self._keeps_bad))
        return frames.joined(parts, model.added, keeps_bad=self._keeps_bad)

    def _with(self, given: frames.Batch, added: Any) -> Any:
        return given.beside(self._kept(given.names), added, self._keeps_bad)

    def _started(self) -> ScoringProcess:
        """Return what scores for this process; all that score with the same model and options share it."""
        if self._process is None or not self._process.is_of(os.getpid()):
            path = Path(self._bundle() if callable(self._bundle) else self._bundle)
            digest = _digest_of(path)
            if digest is None:
                raise Error(
                    "bundle_missing",
                    f"there is no bundle {str(path)!r} on {socket.gethostname()}, in {Path.cwd()}; put it there, or "
                    "have it sent there (docs/ray-and-spark.md).",
                )
            if self._digest not in (None, digest):
                raise Error(
                    "digest_mismatch",
                    f"the bundle {str(path)!r} on {socket.gethostname()} has the digest {digest}, and the one that the "
                    f"Scorer was made with {self._digest}; give each machine the same one.",
                )
            self._process = shared(str(path.absolute()), digest, self._given, os.getpid())
        return self._process

    def _kept(self, names: Sequence[str]) -> Sequence[str]:
        if isinstance(self._columns, str):
            return list(names) if self._columns == "all" else []
        return self._columns

    def _added(self, process: ScoringProcess) -> frames.Added:
        """Return names and types of the columns that are added."""
        return [*process.model.added, *(frames.REASONS if self._keeps_bad else ())]

    def _check(self, names: Sequence[str], process: ScoringProcess) -> None:
        """Raise Error unless the model's columns are there, and none that is added has the name of another column."""
        process.check(names, () if isinstance(self._columns, str) else self._columns)
        added = {name for name, _ in self._added(process)}
        if taken := [name for name in self._kept(names) if name in added]:
            raise Error(
                "bad_columns",
                f"the rows have a column {taken[0]!r}, which is the name of one that is added; rename it, or leave it "
                "out with columns=[…].",
            )

    def _bad_row(self, given: frames.Batch, start: int, row: int, code: str, reason: str) -> Error:
        at = start + row
        names = () if isinstance(self._columns, str) else self._columns
        which = "".join(f", {name} {given.cell(name, at)!r}"[:200] for name in names)
        return Error(
            "bad_row",
            f"row {at + 1} of the {given.rows} of its batch{which}: {reason} ({code}); bad_rows='keep' goes on, and "
            "adds code and reason to such rows.",
        )


def _digest_of(bundle: Path) -> str | None:
    """Return the digest of a bundle, None if it is not there."""
    try:
        with (bundle / _MANIFEST).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
