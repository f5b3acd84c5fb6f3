"""Packs an estimator that another process, such as a notebook that uses `mlservice`, hands over in a file."""

import json
import warnings
from pathlib import Path
from typing import Any, Final

from model.bundle.trust import modules_in
from model.errors import BundleCorrupt, ModelError, PackingWarning, UnsupportedEstimator
from model.packing.pack import pack
from model.packing.pruning import keep_what_predicts
from model.sklearn_runtime.skops_io import load_joblib, names_in_main

_MODULE: Final = "own_code"


def answer(path: str, told: str) -> None:
    """Pack the estimator in a file, with options in JSON; write the result or error to answer.json beside it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", PackingWarning)
        try:
            found = _pack(Path(path).read_bytes(), **json.loads(told))
        except ModelError as error:
            found = {"code": error.code, "message": str(error)}
    found["warnings"] = [str(each.message) for each in caught]
    (Path(path).parent / "answer.json").write_text(json.dumps(found))


def _pack(content: bytes, output: str, code: str | None, name: str, stand_ins: list[str]) -> dict[str, Any]:
    own = None if code is None else Path(code)
    modules_in(own)
    try:
        given = load_joblib(content)
    except BundleCorrupt:
        if stand_ins:  # objects of the notebook's classes cannot be loaded into stand-ins
            raise _is_in_notebook("the model", stand_ins) from None
        raise
    estimator = given.pop("estimator")
    if names := names_in_main(keep_what_predicts(estimator)):
        raise _is_in_notebook(type(estimator).__name__, names)
    loaded = pack(estimator, output, code=own, name=name, **given)
    return {
        "name": loaded.manifest.name,
        "version": loaded.manifest.version,
        "digest": loaded.digest,
        "engine": loaded.engine.name,
        "outputs": [spec.member for spec in loaded.outputs],
    }


def _is_in_notebook(model: str, names: list[str]) -> UnsupportedEstimator:
    first = next((name.partition(".")[0] for name in names if name.isidentifier()), "NAME")
    return UnsupportedEstimator(
        f"{model} contains {', '.join(names)}, which this notebook or script defines, and the server, a process of its "
        f"own, cannot import from it: move it to a module, by a name (in Jupyter, `%%writefile {_MODULE}.py` as the "
        f"first line of its cell), import it from there (`from {_MODULE} import {first}`), and fit the model again."
    )
