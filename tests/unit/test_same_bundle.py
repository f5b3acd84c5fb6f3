"""With SOURCE_DATE_EPOCH, the same model is packed to the same bytes, in any process and at any time."""

import os
import subprocess
import sys

from tests.conftest import ROOT

FIT = """
import sys
import numpy, scipy.sparse
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.neighbors import KNeighborsClassifier
from model.bundle.manifest import digest_of
from model.packing.pack import pack
from model.sklearn_runtime.skops_io import dump_skops
import pandas
rows = pandas.DataFrame({"a": numpy.arange(60.0), "b": ["x", "y", "z"] * 20})
steps = make_column_transformer((StandardScaler(), ["a"]), (OneHotEncoder(handle_unknown="ignore"), ["b"]))
model = make_pipeline(steps, RandomForestClassifier(3, random_state=0)).fit(rows, [0, 1] * 30)
pack(model, sys.argv[1], name="same", data=rows, epoch=1_700_000_000)
sparse = KNeighborsClassifier(1).fit(scipy.sparse.csr_matrix(numpy.eye(8)), [0, 1] * 4)
print(digest_of(dump_skops(sparse)))
"""


def test_two_processes_pack_the_same_bytes(tmp_path):
    """Whatever the addresses in their memory, their random seed of strings, and the time that passes between them."""
    found = []
    for each in ("1", "2"):
        command = [sys.executable, "-c", FIT, tmp_path / each]
        environ = {**os.environ, "PYTHONHASHSEED": each}
        printed = subprocess.run(command, cwd=ROOT, env=environ, check=True, capture_output=True).stdout
        found.append((printed, {path.name: path.read_bytes() for path in (tmp_path / each).iterdir()}))

    assert found[0] == found[1]
    assert b'"created_at": "2023-11-14T22:13:20+00:00"' in found[0][1]["manifest.json"]
