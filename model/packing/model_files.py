"""Recognises model files by their first bytes, and says what is wrong with those that cannot be loaded.

They are incomplete, of another version, of a kind that cannot be packed, or need own code that is not here.
"""

import importlib.util
import io
import re
import sys
import tarfile
import zipfile
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

from model.errors import BundleCorrupt, ModelError, UnsupportedEstimator, VersionMismatch, describe
from model.sklearn_runtime.skops_policy import SCHEMA

Kind = Literal["skops", "pickle", "xgboost", "lightgbm", "catboost"]
_HEAD: Final = 4096
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
MAIN: Final = (
    "which is in the script or notebook that ran (__main__), where no server finds it: move it to a module of its own, "
    "import it from there, fit the model again, and name the module's directory (pack --code, MODEL_CODE)"
)
OURS: Final = frozenset({"model", "service"})  # our own packages; a user's module may have the same name
TAKEN: Final = "{} is a name that ml-service has for itself; rename the module, and fit the model again"
_INCOMPLETE: Final = re.compile(
    r"ran out of input|truncated|end-of-stream marker|incomplete|EOF|no data left|unexpected end|expected \d+ bytes"
    r"|exhausted|unpack requires|bad crc|corrupt input|fewer bytes|unpack_from requires|crc32|length check failed",
    re.IGNORECASE,
)
_NO_ATTRIBUTE: Final = re.compile(
    r"Can't get attribute '(?P<name>[^']+)' on <module '(?P<module>[\w.]+)'"
    r"|module '(?P<owner>[\w.]+)' has no attribute '(?P<member>\w+)'"
)
_PICKLE: Final = re.compile(rb"\x80[\x02-\x05]|x|\x1f\x8b|BZh|\xfd7zXZ|\x5d\x00\x00")  # or a compressed one
_CODE: Final = re.compile(r"\bcode(\(\))? (argument|expected)|bad marshal data|unknown opcode")
_OTHER_VERSION: Final = {
    "node array from the pickle has an incompatible dtype": "scikit-learn",
    "BitGenerator": "numpy",
    "numpy.dtype size changed": "numpy",
}
_LIBRARIES: Final = {"numpy": "numpy", "sklearn": "scikit-learn", "_loss": "scikit-learn", "scipy": "scipy"}
_TO_DO: Final = "name the directory of your own code (pack --code, MODEL_CODE), and install what that imports"


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
    if SCHEMA in names:
        return "skops"
    if any(name.endswith("data.pkl") for name in names):
        raise UnsupportedEstimator(f"{path} is a file of PyTorch: {_ESTIMATOR}.")
    if "config.json" in names:
        raise UnsupportedEstimator(f"{path} is a file of Keras: {_ESTIMATOR}.")
    raise UnsupportedEstimator(f"{path} is an archive of {', '.join(names[:5])[:200]}: name the file of the model.")


def explain(path: Path, content: bytes, error: ModelError) -> ModelError:
    """Return an error that says what is wrong with a file that could not be loaded, and what to do."""
    cause = error.__cause__
    if not isinstance(error, BundleCorrupt) or cause is None:
        return error
    return (
        _missing_module(path, cause)
        or _missing_name(path, cause)
        or _by_message(path, cause)
        or _by_content(path, content, cause)
        or error
    )


def _missing_module(path: Path, cause: BaseException) -> ModelError | None:
    if not isinstance(cause, ModuleNotFoundError) or not cause.name:
        return None
    if not all(part.isidentifier() for part in cause.name.split(".")):  # a text file may begin with an opcode's letter
        return None
    root = cause.name.partition(".")[0]
    if root in _LIBRARIES:
        return _other_version(path, _LIBRARIES[root], f"it names {cause.name}")
    if root in OURS:
        return VersionMismatch(f"{path} needs your module {cause.name}: {TAKEN.format(root)}.")
    if importlib.util.find_spec(root) is not None:
        return VersionMismatch(f"{path} needs {cause.name}, which the {root} that is here does not have: {_TO_DO}.")
    return BundleCorrupt(
        f"{path} needs the module {cause.name}, which {sys.executable} does not have: install its package (uv pip "
        f"install --python {sys.executable} {root}), or name the directory of your own code (pack --code, MODEL_CODE)."
    )


def _missing_name(path: Path, cause: BaseException) -> ModelError | None:
    found = _NO_ATTRIBUTE.search(str(cause))
    if found is None:
        return None
    name, module = found["name"] or found["member"], found["module"] or found["owner"]
    if module.rpartition(".")[2] in ("__main__", "__mp_main__"):  # under `python -m model` it is model.__main__
        return UnsupportedEstimator(f"{path} needs {name}, {MAIN}.")
    root = module.partition(".")[0]
    if root in _LIBRARIES:
        return _other_version(path, _LIBRARIES[root], f"it names {module}.{name}")
    if root in OURS:
        return VersionMismatch(f"{path} needs {name} of your module {module}: {TAKEN.format(root)}.")
    return VersionMismatch(f"{path} needs {name} of the module {module}, and the one that is here has none: {_TO_DO}.")


def _by_message(path: Path, cause: BaseException) -> ModelError | None:
    said = str(cause)
    if _CODE.search(said):
        return VersionMismatch(
            f"{path} holds code of another Python version, as cloudpickle writes it ({describe(cause)}): move that "
            "code to a module, and name its directory (pack --code)."
        )
    if library := next((library for words, library in _OTHER_VERSION.items() if words in said), None):
        return _other_version(path, library, describe(cause))
    if "LZ4" in said:
        return UnsupportedEstimator(f"{path} is compressed with LZ4: install lz4, or write it with compress='zlib'.")
    return None


def _by_content(path: Path, content: bytes, cause: BaseException) -> ModelError | None:
    with suppress(OSError, EOFError, ValueError):
        if tarfile.is_tarfile(io.BytesIO(content)):
            return UnsupportedEstimator(f"{path} is a tar archive: unpack it, and name the file of the model.")
    if isinstance(cause, EOFError) or _INCOMPLETE.search(str(cause)):
        return BundleCorrupt(f"{path} is incomplete ({len(content)} bytes; {describe(cause)}): copy or write it again.")
    if not _PICKLE.match(content):
        return BundleCorrupt(
            f"{path} is neither joblib nor pickle nor skops: it begins with {content[:16]!r}; name the file of a model."
        )
    return None


def _other_version(path: Path, library: str, why: str) -> VersionMismatch:
    return VersionMismatch(
        f"{path} was written with another version of {library} than {version(library)}, which is here ({why}): pack "
        "where that version is installed, or fit the model again here."
    )
