"""Packing proves what it proves with a bounded amount of work, and says what it left out."""

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from model.commands.inspect_bundle import describe_engine
from model.onnx_export import verification
from model.onnx_export.thresholds import edge_rows, tree_parts
from model.packing.pack import pack
from model.sklearn_runtime import skops_io
from model.sklearn_runtime.engine import SklearnEngine

DRAW = np.random.default_rng(0)
ROWS = DRAW.normal(size=(3000, 6))
LABELS = (ROWS[:, 0] + DRAW.normal(size=3000) > 0).astype(int)
LINEAR = LogisticRegression().fit(ROWS, LABELS)
FOREST = RandomForestClassifier(40, random_state=0).fit(ROWS, LABELS)
(TREES,) = tree_parts(FOREST)


@pytest.fixture
def asked(monkeypatch):
    """Note how many rows each call of scikit-learn's engine has while something is packed, and measure no speed."""
    calls, predict = [], SklearnEngine.predict
    monkeypatch.setattr(
        SklearnEngine, "predict", lambda self, *given: calls.append(len(given[0])) or predict(self, *given)
    )
    monkeypatch.setattr(verification, "_speedup", lambda *_: 1.0)
    return calls


@pytest.mark.parametrize("estimator", [LINEAR, FOREST], ids=lambda each: type(each).__name__)
def test_scikit_learn_is_asked_few_times(tmp_path, asked, estimator):
    """Rows are compared in batches, also those that the compiled model is asked one at a time.

    Only far rows that scikit-learn refuses are asked one by one, to know which they are.
    """
    pack(estimator, tmp_path / "bundle", name="test", data=ROWS)

    assert len(asked) <= 15 + verification.FAR_ROWS / 2
    assert sum(asked) <= 4 * verification.RANDOM_ROWS


def test_the_calls_do_not_grow_with_the_columns(tmp_path, asked):
    """Columns that go the same way are probed together, whether they are accepted or refused."""

    def calls(width):
        data = pd.DataFrame(ROWS[:50, :1].repeat(2 * width, axis=1)).add_prefix("column ")
        strings = list(data.columns[:width])
        data[strings] = np.where(data[strings] > 0, "high", "low")
        columns = make_column_transformer((OneHotEncoder(), strings), remainder=StandardScaler())
        estimator = make_pipeline(columns, LogisticRegression()).fit(data, LABELS[:50])
        before = len(asked)
        pack(estimator, tmp_path / str(width), name="wide", data=data)
        return len(asked) - before

    assert calls(100) <= calls(20) + 5


def test_of_many_trees_a_sample_of_thresholds_is_compared(tmp_path, monkeypatch, asked):
    """The rows of each kind are fewer, the more trees there are; the report says how many are left out."""
    most = 2000
    monkeypatch.setattr(verification, "MOST_WORK", TREES.trees * most)

    manifest = pack(FOREST, tmp_path / "bundle", name="forest", data=ROWS).manifest

    assert len(edge_rows(TREES, 10**9)[0]) > 2 * most
    assert manifest.compiled.rows <= 3 * most + verification.FAR_ROWS + 2 * verification.SINGLE_ROWS
    assert sum(asked) <= 3 * most + verification.FAR_ROWS + 200
    assert manifest.compiled.left_out > len(ROWS) - most
    assert f"{manifest.compiled.left_out:,} training rows and thresholds" in describe_engine(manifest)


def test_thresholds_are_left_out_only_where_they_are_too_many():
    """Each feature is at all of its thresholds if these fit, else at as many of them as fit."""
    assert 40 == TREES.trees
    (every, none), (some, left_out) = edge_rows(TREES, 10**6), edge_rows(TREES, 600)

    assert (0, 6) == (none, every.shape[1])
    assert len(some) <= 600
    splits = [member.tree_.threshold[member.tree_.children_left >= 0] for member in FOREST.estimators_]
    features = [member.tree_.feature[member.tree_.children_left >= 0] for member in FOREST.estimators_]
    for place in range(6):
        own = np.unique(np.concatenate([split[each == place] for split, each in zip(splits, features, strict=True)]))
        assert set(own) <= set(every[:, place])
        assert {*some[:, place]} <= {*every[:, place]}
        assert len(own) - 100 <= left_out


def test_a_bundle_without_a_compiled_form_is_loaded_once(tmp_path, monkeypatch):
    """Writing builds what was written, to know that it can be built, and the bundle is loaded once for each engine."""
    built, load_skops = [], skops_io.load_skops
    monkeypatch.setattr(skops_io, "load_skops", lambda *given: built.append(1) or load_skops(*given))

    pack(LINEAR, tmp_path / "plain", name="test", compiled=False)
    plain = len(built)
    pack(LINEAR, tmp_path / "compiled", name="test")

    assert (2, 2) == (plain, len(built) - plain)
