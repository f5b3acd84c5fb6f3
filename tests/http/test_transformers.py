"""Transformers as models: a row is answered with the numbers that it is transformed to."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

from model.errors import UnsupportedEstimator
from model.packing.pack import pack
from model.sklearn_runtime import further_outputs
from tests.dialects import CSV
from tests.http.conftest import Server

ROWS = load_iris().data
MIXED = pd.DataFrame({"size": ROWS[:, 0], "colour": np.where(ROWS[:, 1] > 3, "red", "blue")})
TEXTS = ["the spam", "ham and spam", "some ham", "the end"] * 5
CASES = {
    "scaler": (StandardScaler().fit(ROWS), ROWS, "onnx"),
    "components": (make_pipeline(StandardScaler(), PCA(2)).fit(ROWS), ROWS, "onnx"),
    "one component": (PCA(1).fit(ROWS), ROWS, "onnx"),
    "products": (PolynomialFeatures(2).fit(ROWS), ROWS, None),
    "categories": (
        make_column_transformer((StandardScaler(), ["size"]), (OneHotEncoder(), ["colour"])).fit(MIXED),
        MIXED,
        "onnx",
    ),
    "embedding": (make_pipeline(TfidfVectorizer(), TruncatedSVD(2, random_state=0)).fit(TEXTS), TEXTS, "scikit-learn"),
    "sparse": (CountVectorizer().fit(TEXTS), TEXTS, "scikit-learn"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_transformers_answer_is_what_transform_returns(tmp_path, name):
    """All protocols answer the numbers of each row, and the metadata say how many there are."""
    estimator, data, engine = CASES[name]
    loaded = pack(estimator, tmp_path / "bundle", name="test", data=data)
    found = estimator.transform(data)[:5]
    expected = found.toarray() if hasattr(found, "toarray") else found
    rows = [[each] for each in data[:5]] if isinstance(data, list) else np.asarray(data)[:5].tolist()
    server = Server(tmp_path / "bundle")

    assert "transformer" == loaded.manifest.signature.task
    assert engine in (loaded.engine.name, None)
    many = server.predict({"instances": rows}).json
    single = server.predict({"features": rows[0]}).json
    answer = server.predict({"instances": rows}, Accept=CSV)
    (described,) = server.client.get("/v2/models/test").json["outputs"]
    v1 = server.client.post("/v1/models/test:predict", json={"instances": rows}).json

    np.testing.assert_allclose(many["predictions"], expected, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(single["prediction"], expected[0], rtol=1e-12, atol=1e-12)
    assert many == v1
    table = np.array([line.split(",") for line in answer.text.splitlines()[1:]], dtype=float)
    np.testing.assert_allclose(table, expected, rtol=1e-12, atol=1e-12)
    assert {"name": "transform", "datatype": "FP64", "shape": [-1, expected.shape[1]]} == described


def test_a_transformer_of_too_many_numbers_is_refused(tmp_path, monkeypatch):
    """An answer is bounded: a row must not become a million numbers."""
    monkeypatch.setattr("model.packing.signature_reader.MOST_COLUMNS", 10)

    with pytest.raises(UnsupportedEstimator, match="gives 15 numbers for a row; at most 10 can be sent"):
        pack(PolynomialFeatures(2).fit(ROWS), tmp_path / "bundle", name="test", data=ROWS)
    assert further_outputs.MOST_COLUMNS > 10
