"""Models whose types are the operator's own: a module, and the bundle of a model that needs it, in one folder."""

import signal

# Runs before each script, with the name of the module, its code and the folder to write it to.
FOLDER = """
import sys
from pathlib import Path
folder = Path(sys.argv[3])
folder.mkdir()
(folder / f"{sys.argv[1]}.py").write_text(sys.argv[2])
sys.path.insert(0, str(folder))
"""
OWN = """
from sklearn.base import BaseEstimator, TransformerMixin
class Same(TransformerMixin, BaseEstimator):
    def fit(self, rows, labels=None):
        self.n_features_in_ = rows.shape[1]
        return self
    def transform(self, rows):
        return rows
"""
PACK = """
from own_code import Same
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from model.packing.pack import pack
rows, labels = load_iris(return_X_y=True)
pack(make_pipeline(Same(), LogisticRegression(max_iter=1000)).fit(rows, labels), folder / "bundle", name="own",
     data=rows, code=folder)
"""

# A step that takes a minute.
LONG_STEPS = {
    "sleeping": "time.sleep(60)",
    "native code": "hashlib.pbkdf2_hmac('sha256', b'', b'', 10**8)",  # no handler of Python's runs meanwhile
}
# Where a long step is taken, which, and the signal that comes meanwhile: each step with each signal, and in each place.
INTERRUPTED = [
    ("load", "sleeping", signal.SIGTERM),
    ("load", "native code", signal.SIGINT),
    ("predict", "sleeping", signal.SIGINT),
    ("predict", "native code", signal.SIGTERM),
]


def long_module(where, how):
    """Return the module's code with a long step at its import ("load") or in its predictions ("predict").

    It makes a file first that is called after its process, beside the module.
    """
    steps = f"(pathlib.Path(__file__).parent / str(os.getpid())).touch(); {LONG_STEPS[how]}"
    predicting = f"        {steps}\n" if where == "predict" else ""
    body = OWN.replace("        return rows", f"{predicting}        return rows")
    return f"import hashlib, os, pathlib, time\nimport sys\n{body}\n{steps if where == 'load' else ''}\n"
