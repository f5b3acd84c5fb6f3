"""Bundles of models whose own code has a known cost or a known fault."""

import subprocess
import sys

from tests.conftest import ROOT

# A classifier that computes for a set time, as scikit-learn's own do: in compiled code, without Python's lock.
MODULE = """
import hashlib
import time
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

class Computing(ClassifierMixin, BaseEstimator):
    def __init__(self, seconds=0.0):
        self.seconds = seconds

    def fit(self, rows, labels):
        self.classes_, self.n_features_in_ = np.unique(labels), rows.shape[1]
        return self

    def predict(self, rows):
        end = time.thread_time() + self.seconds
        while time.thread_time() < end:
            hashlib.pbkdf2_hmac("sha256", b"", b"", 2000)
        return self.classes_[(rows[:, 0] > 5).astype(int)]
"""
PACK = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import numpy as np
from computing import Computing
from model.packing.pack import pack
rows = np.array([[1.0], [9.0]] * 5)
model = Computing(float(sys.argv[2])).fit(rows, ["low", "high"] * 5)
pack(model, sys.argv[1] + "/bundle", name="computing", data=rows, code=Path(sys.argv[1]))
"""


def make(folder, seconds=0.0):
    """Write the module and a bundle into a folder; returns the bundle, whose MODEL_CODE is the folder."""
    (folder / "computing.py").write_text(MODULE)
    command = [sys.executable, "-c", PACK, str(folder), str(seconds)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return folder / "bundle"
