"""Every pipeline of scikit-learn's user guide is packed, and answers as scikit-learn does."""

import warnings

import numpy as np
import pytest

from model.packing.pack import pack
from tests import guide
from tests.http.test_conformance import ROWS, choose, expected

pytestmark = pytest.mark.models
CASES = {case.name: case for case in guide.cases()}
# What is fitted on an array, too, where all columns are numbers: the rest only combines these, or selects by name.
ARRAYS = [
    case.name for case in (*guide.preprocessing(), *guide.selection()) if set(case.rows.dtypes) == {np.dtype(float)}
]


def by_row(prediction):
    """Return all probabilities, row by row, and in a row output by output."""
    return np.hstack(prediction.probability_arrays or [[]]).ravel()


@pytest.mark.parametrize(("name", "framed"), [*((name, True) for name in CASES), *((name, False) for name in ARRAYS)])
def test_a_pipeline_of_the_user_guide_is_packed_and_answers_alike(tmp_path, name, framed):
    """Nothing that only fitting needed refuses it; labels are equal, and numbers to 1e-12."""
    case, places = CASES[name], np.linspace(0, len(CASES[name].rows) - 1, ROWS).astype(int)
    rows = case.rows if framed else case.rows.to_numpy()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = type(case)(case.name, case.estimator, rows, case.labels).fitted()
        loaded = pack(fitted, tmp_path / "bundle", name="test", data=rows, compiled=False)

    signature, chosen = loaded.manifest.signature, choose(rows, places)
    given = np.array(chosen, dtype=float if signature.layout == "matrix" else object).reshape(ROWS, -1)
    found, (labels, probabilities) = loaded.engine.predict(given), expected(fitted, signature, chosen)
    numbers = signature.task == "regressor" and np.allclose(labels, found.labels, rtol=1e-12, atol=0)
    assert numbers or labels == found.labels.tolist()
    assert (probabilities is None) == (found.probabilities is None)
    np.testing.assert_allclose(by_row(found), np.array(probabilities or []).ravel(), rtol=0, atol=1e-12)
