"""Packs a fitted estimator into a bundle on disk, and verifies the bundle by loading it."""

import dataclasses
import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from model import loading
from model.bundle.manifest import FORMAT, JOBLIB, ONNX, SKOPS, Baseline, File, Manifest, Score, digest_of
from model.bundle.publish import name_files, staging_directory, write_files
from model.bundle.trust import Trust
from model.columns import Column
from model.errors import UnsupportedEstimator
from model.onnx_export.graph import NotCompiled
from model.onnx_export.verification import compile_verified
from model.outputs import PREDICT
from model.packing.column_facts import column_facts, fitted_names, takes_strings, width_of
from model.packing.fresh_process import prove_in_fresh_process
from model.packing.golden import golden_rows
from model.packing.library_check import compare_with_library
from model.packing.objects import model_in, refuse_main
from model.packing.pruning import keep_what_predicts
from model.packing.requirements import requirements_of
from model.packing.signature_reader import read_signature
from model.packing.training_data import INFINITE, is_index, read_columns, without_infinite_rows, zones_explained
from model.packing.training_statistics import baselines, importances_of, training_answers
from model.signature import TEXT, Dtype, Signature
from model.sklearn_runtime import skops_io
from model.sklearn_runtime.restore import versions
from model.steps import Progress, Step, no_progress

_NOT_ASKED_FOR = {"not_compiled": "not asked for"}


def pack(
    estimator: Any,
    output: str | Path,
    *,
    name: str,
    version: str = "1",
    data: Any = None,
    score: Score | None = None,
    allow_pickle: bool = False,
    code: str | Path | None = None,
    compiled: bool = True,
    thresholds: Mapping[Any, float] | None = None,
    predict_fn: str = PREDICT,
    dtypes: Mapping[str, Dtype] | None = None,
    epoch: int | None = None,
    progress: Progress = no_progress,
) -> loading.Loaded:
    """Write a fitted estimator as a bundle, load it, and verify that it answers the same; raises ModelError.

    `data` are training rows: a data frame, a matrix of shape (n, features), or a list of strings. Dtypes and names,
    golden rows and baselines are read from them. `allow_pickle` writes a pickle if skops cannot hold the estimator,
    whose types may be in the modules of `code`, a directory. `compiled` adds a compiled form if it gives the same
    answers and is faster. `predict_fn` is the method of MLflow's routes. `dtypes` names columns if nothing else does.
    With `epoch`, the bundle states this time and no measured speed, so that it is the same each time.
    """
    progress(Step.READ_SIGNATURE)
    trust = Trust(pickle=allow_pickle, code=None if code is None else Path(code))
    estimator = keep_what_predicts(whole := model_in(estimator))
    columns, data = _columns(estimator, data)
    signature, baseline = read_signature(estimator, columns, dtypes), baselines(columns)
    onnx, form = _compile(estimator, signature, columns, baseline, progress) if compiled else ({}, {**_NOT_ASKED_FOR})
    progress(Step.SERIALISE)
    own = _serialise(estimator, form.get("not_compiled"), trust)
    files, needs = name_files(own | onnx), requirements_of(estimator)
    form |= {"name": name, "version": version, "score": score, "predict_fn": predict_fn, "signature": signature}
    form |= {"baseline": baseline} | golden_rows(whole, signature, columns, data, thresholds)
    form["answers"] = training_answers(estimator, signature, columns, data, form["thresholds"])
    form["importances"] = importances_of(estimator, signature.names, columns, data)
    progress(Step.VERIFY)
    return _publish(output, _manifest(files, needs, epoch, requires=needs if own else [], **form), files, data, trust)


def _manifest(files: dict[str, bytes], needs: list[str], epoch: int | None, **fields: Any) -> Manifest:
    """Return the manifest of new files; `needs` are the libraries, as `name==version`."""
    made = (
        datetime.datetime.now(datetime.UTC) if epoch is None else datetime.datetime.fromtimestamp(epoch, datetime.UTC)
    )
    if epoch is not None and "compiled" in fields:
        fields["compiled"] = dataclasses.replace(fields["compiled"], speedup={})
    manifest = Manifest(
        format=FORMAT,
        created_at=made.isoformat(timespec="seconds"),
        made_with=versions() | dict(each.split("==") for each in needs),
        files={file: File(len(data), digest_of(data)) for file, data in files.items()},
        **fields,
    )
    if manifest.predict_fn not in manifest.methods:
        known = ", ".join(manifest.methods)
        raise UnsupportedEstimator(f"predict_fn: expected one of {known}, got {manifest.predict_fn!r}.")
    return manifest


def _string_column(data: Any) -> Any:
    """Return the column of a data frame that a model of strings takes, or other data as they are."""
    if not hasattr(data, "columns"):
        return data
    names = [TEXT] if TEXT in list(data.columns) else list(data.columns)
    if len(names) != 1:
        raise UnsupportedEstimator(f"the model takes one column of strings; name it {TEXT!r} among {', '.join(names)}.")
    return data[names[0]]


def _columns(estimator: Any, data: Any) -> tuple[list[Column] | None, Any]:
    """Return the columns of the data, and the data; raises UnsupportedEstimator for columns that do not fit.

    Rows with infinity, which no request can express, are left out of both.
    """
    if data is None:
        return None, None
    if takes_strings(estimator):
        data = _string_column(data)
    elif hasattr(data, "to_frame"):  # a series
        data = data.to_frame()
    names, width = fitted_names(estimator, getattr(data, "columns", ())), width_of(estimator)
    columns = read_columns(data, names)
    if infinite := {column.name for column in columns if column.fault == INFINITE}:
        known = column_facts(estimator, [column.name for column in columns])
        if used := {name for name in infinite if name not in known or known[name].dtype != "any"}:
            data = without_infinite_rows(data, names, used)
            columns = read_columns(data, names)
    if width is not None and names is None and len(columns) != width:
        given = ", ".join(column.name for column in columns)
        raise UnsupportedEstimator(
            f"{type(estimator).__name__} takes {width} columns and does not know their names; the data have "
            f"{len(columns)} ({given[:200]}): leave out those that it was not fitted on, such as "
            f"{'the index of a data frame (write it with index=False)' if is_index(columns[0].name) else 'the target'}"
            "; a model that expands categories or a formula itself needs a pipeline that does so before it."
        )
    return columns, data


def _serialise(estimator: Any, reason: str | None, trust: Trust) -> dict[str, bytes]:
    """Return the estimator as skops or a pickle; nothing if it has no such form, but is compiled (no `reason`)."""
    refuse_main(estimator)
    if hasattr(estimator, "file"):  # a model from a library's own file
        if reason is None:
            return {}
        raise UnsupportedEstimator(
            f"{estimator.file.described} is not compiled ({reason}), and has no other form: load it with "
            f"{estimator.file.library}, and pack that estimator."
        )
    try:
        return {SKOPS: skops_io.dump_skops(estimator, trust.own_modules())}
    except UnsupportedEstimator as error:
        if reason is None:
            return {}
        if trust.pickle:
            return {JOBLIB: skops_io.dump_joblib(estimator)}
        raise UnsupportedEstimator(
            f"{error} A pickle may hold it, if you allow one. It is not compiled, either: {reason}."
        ) from error


def _compile(
    estimator: Any,
    signature: Signature,
    columns: list[Column] | None,
    baseline: dict[str, Baseline] | None,
    progress: Progress,
) -> tuple[dict[str, bytes], dict[str, Any]]:
    """Return the compiled form as a file, and the manifest's fields about it, or about why there is none."""
    try:
        made, form = compile_verified(estimator, signature, columns, baseline, progress)
    except NotCompiled as error:
        return {}, {"not_compiled": str(error)}
    compared = compare_with_library(estimator, signature)
    return {ONNX: made.content}, {"compiled": form, "compared_with": compared}


def _publish(
    output: str | Path, manifest: Manifest, files: dict[str, bytes], data: Any, trust: Trust
) -> loading.Loaded:
    """Write a bundle, and verify it with each engine that may serve it before it replaces the old one."""
    with staging_directory(Path(output)) as folder, zones_explained(data):
        trust = dataclasses.replace(trust, pin=write_files(folder, manifest, files))
        if JOBLIB in manifest.kinds or trust.code is not None:
            prove_in_fresh_process(folder, trust)
        for compiled in (False, True) if len(manifest.kinds) > 1 else (True,):
            loaded = loading.load(folder, trust, compiled=compiled)
            loading.verify(loaded)
    return loaded
