"""Compiled models: kept only if they give the same answers, and exact at the thresholds of trees."""

import shutil
import subprocess
import sys
from dataclasses import replace
from operator import methodcaller

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from model.engines.onnx import OnnxEngine
from model.errors import BundleCorrupt, NoFiniteAnswer
from model.loading import load
from model.onnx_export import tree_ensembles
from model.onnx_export.compiler import compile_model
from model.onnx_export.graph import NotCompiled
from model.onnx_export.trees import Tree
from model.onnx_export.verification import compile_verified
from model.packing.pack import pack
from model.packing.signature_reader import read_signature
from model.packing.training_data import read_columns
from tests.bundles import part, replace_part
from tests.conftest import ROOT

CANCER = load_breast_cancer()
IRIS = load_iris()
FOREST = RandomForestClassifier(5, random_state=0).fit(CANCER.data, CANCER.target)
BOOSTED = HistGradientBoostingClassifier(max_iter=5).fit(CANCER.data, CANCER.target)
STAGED = GradientBoostingClassifier(n_estimators=5).fit(CANCER.data, CANCER.target)
SCALED = make_pipeline(StandardScaler(), LogisticRegression()).fit(CANCER.data, CANCER.target)


@pytest.fixture
def bundle(iris_bundle, tmp_path):
    """Copy the reference bundle, to damage."""
    return shutil.copytree(iris_bundle, tmp_path / "bundle")


@pytest.mark.parametrize("content", [b"", b"garbage", None], ids=["empty", "garbage", "half"])
def test_a_compiled_model_that_is_none_is_refused(bundle, content):
    """A compiled model with the right digest is refused if it is not an ONNX file."""
    path = part(bundle, "onnx")
    content = path.read_bytes()[: path.stat().st_size // 2] if content is None else content
    replace_part(bundle, "onnx", content)

    with pytest.raises(BundleCorrupt, match="compiled model"):
        load(bundle)


@pytest.mark.parametrize("estimator", [FOREST, BOOSTED, STAGED], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("side", [-np.inf, np.inf])
def test_thresholds_that_are_off_by_the_last_bit_are_found(monkeypatch, estimator, side):
    """The verification finds thresholds that are off by the last bit, and accepts the right ones."""
    assert compile_verified(estimator, read_signature(estimator, None), None, None)

    def moved(*arguments, **named):
        tree = Tree(*arguments, **named)
        return replace(tree, threshold=np.nextafter(tree.threshold.astype(np.float32), np.float32(side)))

    monkeypatch.setattr(tree_ensembles, "Tree", moved)

    with pytest.raises(NotCompiled, match="differ"):
        compile_verified(estimator, read_signature(estimator, None), None, None)


def test_a_converter_that_is_slightly_wrong_is_found(monkeypatch):
    """A converter whose probabilities are wrong by one part in 100,000 is found."""
    real = tree_ensembles.binary_probabilities
    monkeypatch.setattr(
        tree_ensembles,
        "binary_probabilities",
        lambda graph, name: real(graph, graph.add("Mul", name, graph.constant(1 - 1e-5))),
    )

    with pytest.raises(NotCompiled, match="differ"):
        compile_verified(FOREST, read_signature(FOREST, None), None, None)


def test_neighbours_at_equal_distances_are_not_compiled():
    """A nearest-neighbour model with ties in distance, as on iris, is not compiled: ties are broken arbitrarily."""
    estimator = KNeighborsClassifier().fit(IRIS.data, IRIS.target)

    with pytest.raises(NotCompiled):
        compile_verified(estimator, read_signature(estimator, None), read_columns(IRIS.data, None), None, slow=True)


@pytest.mark.parametrize("estimator", [FOREST, STAGED, SCALED], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("compiled", [True, False])
def test_a_row_that_is_too_large_for_a_step_has_no_answer(tmp_path, estimator, compiled):
    """A compiled model refuses the same too large row as scikit-learn, and no other row."""
    pack(estimator, tmp_path / "bundle", name="test")
    engine = load(tmp_path / "bundle", compiled=compiled).engine
    assert ("onnx" if compiled else "scikit-learn") == engine.name
    rows = CANCER.data[:3].copy()
    rows[1, 4] = 1e308  # a feature whose spread is less than 1

    with pytest.raises(NoFiniteAnswer, match="row 1, counted from 0" if compiled else None), np.errstate(all="ignore"):
        engine.predict(rows)


def test_a_tree_without_a_split_is_compiled(tmp_path):
    """A tree without a split, such as for a constant target, is compiled."""
    estimator = DecisionTreeRegressor().fit(IRIS.data, np.full(150, 2.5))

    loaded = pack(estimator, tmp_path / "bundle", name="test")

    assert ("onnx", [2.5, 2.5]) == (loaded.engine.name, loaded.engine.predict(IRIS.data[:2]).labels.tolist())


def test_missing_numbers_go_where_the_trees_send_them(tmp_path):
    """A compiled forest or boosting model sends missing numbers to the side that was learned for them."""
    rows = np.where(np.random.default_rng(0).random(CANCER.data.shape) < 0.2, np.nan, CANCER.data)
    for kind in (RandomForestClassifier(5, random_state=0), HistGradientBoostingClassifier(max_iter=5)):
        estimator = kind.fit(rows, CANCER.target)
        loaded = pack(estimator, tmp_path / type(kind).__name__, name="test", data=rows)

        assert isinstance(loaded.engine, OnnxEngine)
        np.testing.assert_array_equal(estimator.predict(rows), loaded.engine.predict(rows).labels)


def test_a_column_that_is_dropped_may_hold_anything(tmp_path):
    """A dropped column may contain anything in a compiled model packed without data."""
    rows = pd.DataFrame({"ident": ["P1", "P2", "P3", "P4"] * 30, "size": np.linspace(0, 1, 120)})
    columns = ColumnTransformer([("d", "drop", ["ident"]), ("s", StandardScaler(), ["size"])])
    estimator = make_pipeline(columns, LogisticRegression()).fit(rows, rows["size"] > 0.5)

    engine = pack(estimator, tmp_path / "bundle", name="test").engine

    assert "onnx" == engine.name
    cells = np.array([["P9", 0.9], [None, 0.1], [3.5, 0.9], [True, 0.1]], dtype=object)
    assert [True, False, True, False] == engine.predict(cells).labels.tolist()


def test_what_is_not_compiled_says_why(tmp_path):
    """The manifest says why a model is not compiled."""
    estimator = KNeighborsClassifier(metric="manhattan").fit(IRIS.data, IRIS.target)

    loaded = pack(estimator, tmp_path / "bundle", name="test")

    assert (None, "scikit-learn") == (loaded.manifest.compiled, loaded.engine.name)
    assert "another distance" in loaded.manifest.not_compiled


def test_a_compiled_model_is_served_without_importing_scikit_learn_and_survives_forks(iris_bundle):
    """A session made before forking predicts in every process, scikit-learn is not imported, and all exit with 0."""
    program = """
import os, sys
import numpy as np
from pathlib import Path
from model.loading import load, verify
loaded = load(Path(sys.argv[1]))
children = []
for _ in range(3):
    child = os.fork()
    if not child:
        verify(loaded)
        sys.exit(0)
    children.append(child)
assert [0, 0, 0] == [os.waitpid(child, 0)[1] for child in children]
verify(loaded)
assert not {"sklearn", "scipy", "skops", "joblib", "onnx"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program, iris_bundle], cwd=ROOT, capture_output=True, check=False)

    assert (0, b"") == (done.returncode, done.stderr)


def test_factors_of_matrix_products_stay_double():
    """ONNX Runtime would fold a scalar beside a matrix product into a float32: two classes of AdaBoost had 1e-8."""
    boosted = AdaBoostClassifier(n_estimators=3).fit(CANCER.data, CANCER.target)
    signature = read_signature(boosted, None)
    compiled = compile_model(boosted, signature)

    found = OnnxEngine(compiled.content, compiled.codes, signature).predict(CANCER.data)

    np.testing.assert_allclose(boosted.predict_proba(CANCER.data), found.probabilities, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    "function", [np.floor, np.fabs, np.log2, np.log10, np.negative, np.tanh, methodcaller("astype", float)], ids=str
)
def test_a_function_that_only_maps_numbers_is_compiled_around(function):
    """Functions of numpy and casts to float, which are steps of their own, answer alike in the compiled form."""
    steps = make_pipeline(FunctionTransformer(function), Ridge()).fit(CANCER.data + 1, CANCER.target)
    signature = read_signature(steps, read_columns(CANCER.data + 1, None))
    compiled = compile_model(steps, signature)

    found = OnnxEngine(compiled.content, compiled.codes, signature).predict(CANCER.data + 1)

    np.testing.assert_allclose(steps.predict(CANCER.data + 1), found.labels, rtol=1e-9)


def test_an_infinite_number_is_no_answer_whichever_engine_computes_it():
    """An exponential that overflows for a far row is refused by the server, so it speaks against no compiled form."""
    steps = make_pipeline(StandardScaler(), PoissonRegressor()).fit(IRIS.data, IRIS.target)

    _, form = compile_verified(steps, read_signature(steps, None), None, None)

    assert form.largest_difference < 1e-12
