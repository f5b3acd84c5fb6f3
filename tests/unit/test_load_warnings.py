"""What libraries warn of when a model is loaded."""

import pickle
import sys
import warnings

import pytest
import sklearn
from sklearn.linear_model import LogisticRegression

from model.errors import VersionMismatch
from model.sklearn_runtime.skops_io import load_joblib

LOUD = """
import warnings
warnings.simplefilter("always")
warnings.warn("old", DeprecationWarning)
warnings.warn("loud")
class Model:
    pass
"""


@pytest.mark.filterwarnings("ignore")
def test_a_library_that_warns_when_it_is_imported_does_not_spoil_a_load(tmp_path, monkeypatch):
    """Warnings of a module that a model needs are no errors, whatever filters it sets."""
    (tmp_path / "loud_library.py").write_text(LOUD)
    monkeypatch.syspath_prepend(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = pickle.dumps(__import__("loud_library").Model())
    del sys.modules["loud_library"]

    assert "Model" == type(load_joblib(content)).__name__


def test_another_version_of_scikit_learn_is_still_an_error():
    """Of all warnings, the one that a model is of another scikit-learn refuses it."""
    content = pickle.dumps(LogisticRegression()).replace(sklearn.__version__.encode(), b"1.0.0")

    with pytest.raises(VersionMismatch, match=r"written with scikit-learn 1\.0\.0"):
        load_joblib(content)
