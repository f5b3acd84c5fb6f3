"""A model that is as slow as it is asked to be."""

CODE = """
import ctypes, pathlib, time
from sklearn.base import BaseEstimator, TransformerMixin
class Sleeper(TransformerMixin, BaseEstimator):
    def fit(self, rows, labels=None):
        self.n_features_in_ = rows.shape[1]
        return self
    def transform(self, rows):
        kind, seconds = divmod(float(rows[:, 0].max()), 1e6)
        if kind == 1:
            time.sleep(seconds)
        elif kind == 2:
            ctypes.PyDLL(None).sleep(int(seconds))
        elif kind == 3:
            print("x" * int(seconds))
        elif kind == 4:
            open(__file__).read()
        elif kind == 5:
            while not pathlib.Path(__file__).with_name("gate").exists():
                time.sleep(0.01)
        return rows % 1e6
"""
PACK = """
from sleeper import Sleeper
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from model.packing.pack import pack
rows, labels = load_iris(return_X_y=True)
pack(make_pipeline(Sleeper(), LogisticRegression(max_iter=1000)).fit(rows, labels), folder / "bundle", name="sleeper",
     data=rows, code=folder)
"""


def sleeping(seconds, count=1, *, with_lock=False):
    """Return a request of `count` rows whose prediction sleeps; with the interpreter's lock, nothing else runs."""
    return {"instances": [[(2e6 if with_lock else 1e6) + seconds, 1, 1, 1]] * count}


def talking(characters):
    """Return a request whose prediction prints so many characters."""
    return {"instances": [[3e6 + characters, 1, 1, 1]]}


def waiting(count=1):
    """Return a request of `count` rows whose prediction waits until the gate of the model is open."""
    return {"instances": [[5e6, 1, 1, 1]] * count}


def reading():
    """Return a request whose prediction reads a file of the model's code."""
    return {"instances": [[4e6, 1, 1, 1]]}
