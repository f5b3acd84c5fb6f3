"""With SOURCE_DATE_EPOCH, the same model is packed to the same bytes."""

import io
import zipfile

import numpy as np
import pandas as pd
import scipy.sparse
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from model.packing.pack import pack
from model.sklearn_runtime.skops_io import dump_skops


def pack_into(folder):
    """Pack a model of numbers and strings, and write another one that holds a sparse matrix."""
    rows = pd.DataFrame({"a": np.arange(60.0), "b": ["x", "y", "z"] * 20})
    steps = make_column_transformer((StandardScaler(), ["a"]), (OneHotEncoder(handle_unknown="ignore"), ["b"]))
    model = make_pipeline(steps, LogisticRegression()).fit(rows, [0, 1] * 30)
    pack(model, folder, name="same", data=rows, epoch=1_700_000_000)
    sparse = KNeighborsClassifier(1).fit(scipy.sparse.csr_matrix(np.eye(8)), [0, 1] * 4)
    (folder / "sparse.skops").write_bytes(dump_skops(sparse))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_model_is_packed_to_the_same_bytes(tmp_path):
    """Whatever the addresses in memory; and nothing states when it was packed."""
    found = pack_into(tmp_path / "one")

    assert found == pack_into(tmp_path / "other")
    assert b'"created_at": "2023-11-14T22:13:20+00:00"' in found["manifest.json"]
    archives = [zipfile.ZipFile(io.BytesIO(found[name])) for name in found if name.endswith(".skops")]
    assert {(1980, 1, 1, 0, 0, 0)} == {file.date_time for archive in archives for file in archive.infolist()}
