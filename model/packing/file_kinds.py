"""Recognises model files by their first bytes; for files that cannot be packed, errors say what they are."""

import io
import re
import zipfile
from pathlib import Path
from typing import Final, Literal

from model.errors import BundleCorrupt, UnsupportedEstimator

Kind = Literal["skops", "pickle", "xgboost", "lightgbm", "catboost"]
_HEAD: Final = 4096
_SCHEMA: Final = "schema.json"  # a member of every skops archive
_MADE_FROM: Final = "pack the estimator that it was made from"
_AGAIN: Final = "copy or write it again"
_ESTIMATOR: Final = "only objects with scikit-learn's methods are packed; wrap it in a class with fit and predict"
_DATA: Final = "give that as --data, and name the file of the model"
_BINARY: Final = (
    "in a form that it no longer writes; load it in Python with that version, and write it with save_model('model.ubj')"
)
# A pattern of a file's first bytes, what it is, and what to do.
_OTHERS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (rb"\x89HDF\r\n", "is an HDF5 file, such as a Keras model", _ESTIMATOR),
    (rb"\x08[\x03-\x10][\x12:]", "is an ONNX file", _MADE_FROM),
    (rb"\s*<(\?xml|PMML)", "is XML, such as PMML", _MADE_FROM),
    (rb"RD[XA][23]\n", "is a file of R", "fit the model with Python"),
    (rb"PAR1", "holds rows in Parquet", _DATA),
    (rb"ARROW1|\xff{4}", "holds rows in Arrow", _DATA),
    (rb"\x93NUMPY", "is an array of numpy", _DATA),
    (rb"\x28\xb5\x2f\xfd", "is compressed with zstandard", "decompress it"),
    (rb"\x00\x00\x00\x3f|binf", "is a binary file of XGBoost", _BINARY),
    (rb"[{\[]", "is JSON or another text", "name the file of the model"),
)
# The boosting libraries' own files.
_NATIVE: Final[tuple[tuple[bytes, Kind], ...]] = (
    (rb'\{(L.{8}|[iUIl].{1,4})(learner|version)|\s*\{\s*"(learner|version)"\s*:', "xgboost"),
    (rb"tree\r?\nversion=", "lightgbm"),
    (rb'CBM1|\s*\{\s*"(features_info|oblivious_trees|model_info|scale_and_bias|ctr_data|trees)"\s*:', "catboost"),
)
_DAMAGED: Final[tuple[tuple[bytes, str, str], ...]] = (
    (rb"\Z", "is empty", _AGAIN),
    (rb"\x00{64}", "begins with zeros, as after an interrupted copy", _AGAIN),
    (rb"version https://git-lfs", "is a Git LFS pointer", "fetch the file that it stands for: git lfs pull"),
    (rb"\s*<(!doctype\s+|!DOCTYPE\s+)?html", "is an HTML page", "download the model itself"),
)


def kind_of(path: Path, content: bytes) -> Kind:
    """Return the kind of a file that may hold an estimator; raises ModelError for any other file.

    An unknown file counts as a pickle; the error of loading it says what is wrong.
    """
    if content.startswith(b"PK\x03\x04"):
        return _archive(path, content)
    for begin, library in _NATIVE:
        if re.match(begin, content[:_HEAD], re.DOTALL):
            return library
    for table, error in ((_DAMAGED, BundleCorrupt), (_OTHERS, UnsupportedEstimator)):
        for pattern, what, remedy in table:
            if re.match(pattern, content[:_HEAD], re.DOTALL):
                raise error(f"{path} {what}: {remedy}.")
    return "pickle"


def _archive(path: Path, content: bytes) -> Kind:
    try:
        names = zipfile.ZipFile(io.BytesIO(content)).namelist()
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise BundleCorrupt(f"{path} is an incomplete archive ({error}): copy or write it again.") from None
    if _SCHEMA in names:
        return "skops"
    if any(name.endswith("data.pkl") for name in names):
        raise UnsupportedEstimator(f"{path} is a file of PyTorch: {_ESTIMATOR}.")
    if "config.json" in names:
        raise UnsupportedEstimator(f"{path} is a file of Keras: {_ESTIMATOR}.")
    raise UnsupportedEstimator(f"{path} is an archive of {', '.join(names[:5])[:200]}: name the file of the model.")
