"""Files that are given to `pack`: each is named for what it is, with what to do, before or after it is loaded."""

import gzip
import io
import pickle
import tarfile
import zipfile

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from model.errors import ModelError, UnsupportedEstimator
from model.packing.pack import pack
from model.packing.sources import read_source

IRIS = load_iris(as_frame=True)
FITTED = LogisticRegression(max_iter=1000).fit(IRIS.data, IRIS.target)
PICKLED = pickle.dumps(FITTED)


def dumped(value, **options):
    """Return a value as a joblib file."""
    file = io.BytesIO()
    joblib.dump(value, file, **options)
    return file.getvalue()


def archive(*names):
    """Return a zip file that has these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as members:
        for name in names:
            members.writestr(name, "{}")
    return file.getvalue()


def tarred(content):
    """Return a compressed tar archive of one file, as SageMaker's model.tar.gz."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as members:
        member = tarfile.TarInfo("model.joblib")
        member.size = len(content)
        members.addfile(member, io.BytesIO(content))
    return file.getvalue()


def names(module, name):
    """Return a pickle that needs a name of a module."""
    return b"c" + f"{module}\n{name}\n".encode() + b")R."


FILES = {
    "empty": (b"", "bundle_corrupt", "is empty: copy or write it again"),
    "zeros": (bytes(5000), "bundle_corrupt", "begins with zeros"),
    "LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n",
        "bundle_corrupt",
        "is a Git LFS pointer: .*git lfs pull",
    ),
    "page": (b"<!DOCTYPE html>\n<html>Sign in</html>", "bundle_corrupt", "is an HTML page"),
    "PMML": (b'<?xml version="1.0"?>\n<PMML/>', "unsupported_estimator", "PMML: pack the estimator"),
    "Keras": (archive("metadata.json", "config.json"), "unsupported_estimator", "is a file of Keras: .*wrap it"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "unsupported_estimator", "HDF5 file, such as a Keras model"),
    "PyTorch": (archive("archive/data.pkl"), "unsupported_estimator", "is a file of PyTorch: .*wrap it"),
    "archive": (archive("a.joblib"), "unsupported_estimator", "is an archive of a.joblib: name the file"),
    "half an archive": (archive("schema.json")[:20], "bundle_corrupt", "is an incomplete archive"),
    "ONNX": (b"\x08\x0a\x12\x08skl2onnx", "unsupported_estimator", "is an ONNX file: pack the estimator"),
    "R": (b"RDX3\nX\n", "unsupported_estimator", "is a file of R"),
    "Parquet": (b"PAR1\x15\x04", "unsupported_estimator", "rows in Parquet: give that as --data"),
    "numpy": (b"\x93NUMPY\x01\x00", "unsupported_estimator", "is an array of numpy"),
    "JSON": (b'{"a": 1}', "unsupported_estimator", "is JSON or another text"),
    "tar": (tarred(PICKLED), "unsupported_estimator", "is a tar archive: unpack it"),
    "a script": (b"import joblib\nfrom sklearn import svm\n", "bundle_corrupt", r"neither joblib nor.*b'import joblib"),
    "other magic": (b"MODEL\x00\x01", "bundle_corrupt", r"neither joblib nor pickle nor skops: it begins with b'MODEL"),
    "truncated pickle": (PICKLED[: len(PICKLED) // 2], "bundle_corrupt", r"is incomplete \(\d+ bytes"),
    "truncated joblib": (dumped(FITTED)[:-40], "bundle_corrupt", r"is incomplete \(\d+ bytes"),
    "truncated array": (dumped(np.arange(9999.0))[:-999], "bundle_corrupt", r"is incomplete \(\d+ bytes"),
    **{
        f"truncated {name}": (dumped(FITTED, compress=name)[:-30], "bundle_corrupt", r"is incomplete \(\d+ bytes")
        for name in ("zlib", "gzip", "bz2", "lzma", "xz")
    },
    "LZ4": (b"\x04\x22\x4d\x18" + bytes(20), "unsupported_estimator", "compressed with LZ4: install lz4"),
    "zstandard": (b"\x28\xb5\x2f\xfd", "unsupported_estimator", "is compressed with zstandard"),
    "no module": (names("nobodys_code", "Thing"), "bundle_corrupt", r"needs the module nobodys_code, .*pack --code"),
    "another module": (names("joblib.nothing", "Thing"), "version_mismatch", r"needs joblib.nothing, which the joblib"),
    "a module called model": (
        names("model", "Thing"),
        "version_mismatch",
        r"needs Thing of your module model: model is a",
    ),
    "a module in a folder called service": (
        names("service.steps", "Thing"),
        "version_mismatch",
        r"service is a name that",
    ),
    "another name": (names("joblib", "Thing"), "version_mismatch", r"needs Thing of the module joblib, and"),
    "another numpy": (names("numpy._core.nothing", "x"), "version_mismatch", "another version of numpy than 2"),
    "another scikit-learn": (
        names("sklearn.compose._column_transformer", "_RemainderColsListOfOld"),
        "version_mismatch",
        "another version of scikit-learn than 1",
    ),
    "another loss": (names("_loss", "CyHalfBinomialLoss"), "version_mismatch", "another version of scikit-learn"),
    "main": (names("__main__", "Mine"), "unsupported_estimator", "needs Mine, .*move it to a module.*pack --code"),
    "frame": (
        dumped(IRIS.data),
        "unsupported_estimator",
        "this is a DataFrame of 150 x 4, which is data and no model",
    ),
    "vector": (dumped(np.zeros(3)), "unsupported_estimator", "this is a ndarray of 3, which is data and no model"),
    "dict with a model": (
        dumped({"model": FITTED, "columns": ["a"]}),
        "unsupported_estimator",
        r"a dict whose \['model'\] is a LogisticRegression; pack that alone \(joblib.dump\(found\['model'\]",
    ),
    "tuple with a model": (
        dumped((1, FITTED)),
        "unsupported_estimator",
        r"a tuple whose \[1\] is a LogisticRegression",
    ),
    "two models": (dumped([FITTED, FITTED]), "unsupported_estimator", r"a list of \[0\] LogisticRegression, \[1\] Log"),
    "class": (dumped(LogisticRegression), "unsupported_estimator", "this is the class LogisticRegression, not an obj"),
    "path": (dumped("model.joblib"), "unsupported_estimator", "this is 'model.joblib', and no model"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_estimator_is_named_for_what_it_is(tmp_path, name):
    """What is wrong with a file, its path, and what to do stand in one line, with a code."""
    content, code, words = FILES[name]
    path = tmp_path / "model.joblib"
    path.write_bytes(content)

    with pytest.raises(ModelError, match=words) as raised:
        read_source(path)

    assert (code, True) == (raised.value.code, str(raised.value).startswith(str(path)))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("content", [dumped(FITTED), gzip.compress(PICKLED), PICKLED, dumped(FITTED, compress="xz")])
@pytest.mark.parametrize("suffix", ["joblib", "pkl", "sav", "skops"])
def test_the_content_and_not_the_name_says_what_a_file_is(tmp_path, content, suffix):
    """A pickle, compressed or not, is read under any name."""
    path = tmp_path / f"model.{suffix}"
    path.write_bytes(content)

    source = read_source(path)

    assert FITTED.coef_.tolist() == source.estimator.coef_.tolist()
    assert "a pickle file with a LogisticRegression" == source.described


@pytest.mark.parametrize("value", [IRIS.data, {"model": FITTED}, pd.Series([1]), LogisticRegression, None, "a"])
def test_what_is_no_model_is_refused_from_python_too(tmp_path, value):
    """`model.pack` says the same of an object as the command says of a file."""
    with pytest.raises(UnsupportedEstimator, match=r"this is .* (no model|pack that alone|not an object of it)"):
        pack(value, tmp_path / "bundle", name="test")
