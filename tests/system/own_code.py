"""Models whose types are the operator's own: a module, and the bundle of a model that needs it, in one folder."""

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
