"""service.drift: what is counted of rows of all types, and the figures that this makes."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from model.bundle.manifest import Answers, Baseline
from model.columns import join_columns
from model.packing.training_data import read_columns
from model.packing.training_statistics import baselines, bins_of
from model.prediction import Prediction
from model.signature import Feature, Signature
from service.drift.counting import RowCounter
from service.drift.figures import report_of
from service.drift.reference import MOST_CLASSES, MOST_FEATURES, OTHER, Reference
from service.drift.report import Window
from service.protocols.base import ModelIdentity

RANDOM = np.random.default_rng(0)
ROWS = 1000
FRAME = pd.DataFrame(
    {
        "age": np.where(RANDOM.random(ROWS) < 0.1, np.nan, RANDOM.normal(40, 10, ROWS)),
        "children": RANDOM.poisson(1, ROWS),
        "vip": RANDOM.random(ROWS) < 0.2,
        "city": RANDOM.choice(np.array(["x", "y", "z", None], dtype=object), ROWS, p=[0.6, 0.2, 0.1, 0.1]),
        "when": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(ROWS), "D"),
    }
)
DTYPES = ("float64", "float64", "bool", "string", "datetime")
FEATURES = tuple(Feature(name, dtype, nullable=True) for name, dtype in zip(FRAME, DTYPES, strict=True))


def signature(features=FEATURES, layout="table", task="classifier", classes=(0, 1), *, probabilities=True):
    by_class = None if classes is None else (classes,)
    return Signature(features, layout, task, None, by_class, probabilities=probabilities)


def joined(frame, features=FEATURES):
    """Return the rows of a frame as a model that takes a table gets them."""
    return join_columns([column.cells for column in read_columns(frame, None)], signature(features))


def manifest(found, baseline, answers=None, importances=None):
    """Return what a reference needs of a manifest."""
    return SimpleNamespace(signature=found, baseline=baseline, answers=answers, importances=importances)


def report(reference, rows, prediction, least=1):
    counts = RowCounter(reference).count(rows, prediction)
    window = Window(len(rows), 60.0, 10**6, least, enough=len(rows) >= least, oldest_seconds=0.0)
    return report_of(ModelIdentity("m", "1", ""), window, reference, counts)


def halves(count):
    """Return predictions of two classes in turn, with the probabilities 0.9 and 0.6."""
    labels = np.arange(count) % 2
    return Prediction(labels, np.where(labels[:, np.newaxis] == [0, 1], [[0.9, 0.6]], [[0.4, 0.1]]))


def features_of(frame, trained_on=FRAME):
    """Return what is said of each feature of a frame, by name."""
    reference = Reference.of(manifest(signature(), baselines(read_columns(trained_on, None))), (), ())
    rows = joined(frame)
    return {each.name: each for each in report(reference, rows, halves(len(rows))).features}


def index_of(found, expected):
    """Compute the population stability index of shares of a window of ROWS rows, as docs/drift.md has it."""
    expected = np.array(expected)
    counts = np.array(found)
    used = (counts > 0) | (expected > 0)
    actual = (counts[used] + 0.5) / (counts.sum() + 0.5 * used.sum())
    expected = np.maximum(expected[used], 0.0001)
    return ((actual - expected) * np.log(actual / expected)).sum()


def test_training_rows_have_no_index():
    """Rows of all types, as they were in training: nothing but the smoothing differs."""
    found = features_of(FRAME)

    assert [0, 0, 0, 0] == pytest.approx([found[name].psi for name in list(FRAME)[:4]], abs=0.001)
    assert FRAME.isna().mean().tolist() == pytest.approx([each.missing_ratio for each in found.values()])
    assert FRAME.isna().mean().tolist() == pytest.approx([each.training_missing_ratio for each in found.values()])
    assert (0, 0, 0) == (
        found["age"].out_of_range_ratio,
        found["children"].out_of_range_ratio,
        found["city"].unseen_ratio,
    )


def test_numbers_are_counted_as_numpy_counts_them():
    """The index of shifted numbers, the share outside the range, and the shares of the bins."""
    shifted = FRAME.assign(age=FRAME.age + 10, children=FRAME.children + 1)
    found = features_of(shifted)

    for name in ("age", "children"):
        bins = bins_of(FRAME[name].dropna().to_numpy())
        cells = shifted[name].dropna().to_numpy()
        counts = np.bincount(np.digitize(cells, bins.edges, right=True), minlength=10)
        outside = (cells < FRAME[name].min()) | (cells > FRAME[name].max())
        assert index_of(counts, bins.shares) == pytest.approx(found[name].psi)
        assert outside.sum() / ROWS == pytest.approx(found[name].out_of_range_ratio)
        assert (counts / len(cells)).tolist() == pytest.approx([each.window for each in found[name].bins])


def test_categories_are_counted_by_name():
    """A category that training has not is unseen, and in the bin of the others."""
    changed = FRAME.assign(city=FRAME.city.replace("x", "new"))
    found = features_of(changed)["city"]

    cities = FRAME.city.value_counts(normalize=True)
    counts = changed.city.value_counts()
    assert index_of([0, counts.y, counts.z, counts.new], [*cities[["x", "y", "z"]], 0]) == pytest.approx(found.psi)
    assert counts.new / ROWS == pytest.approx(found.unseen_ratio)
    assert ["x", "y", "z", OTHER] == [each.value for each in found.bins]


def test_booleans_have_two_bins():
    """Whether rows have them as booleans or as numbers."""
    found = features_of(FRAME.assign(vip=~FRAME.vip))["vip"]

    share = FRAME.vip.mean()
    assert [("false", 1 - share, share), ("true", share, 1 - share)] == [
        (each.value, pytest.approx(each.training), pytest.approx(each.window)) for each in found.bins
    ]
    assert index_of([FRAME.vip.sum(), (~FRAME.vip).sum()], [1 - share, share]) == pytest.approx(found.psi)


def test_of_dates_only_missing_ones_are_counted():
    """Time goes on: dates are always other ones than those of training."""
    found = features_of(FRAME.assign(when=FRAME.when.where(np.arange(ROWS) % 2 == 0)))["when"]

    assert ("other", None, 0.5) == (found.kind, found.psi, found.missing_ratio)


def test_a_matrix_is_counted_as_a_table_is():
    """Numbers and booleans of a model that takes a float64 matrix."""
    frame = FRAME[["age", "children", "vip"]]
    base, features = baselines(read_columns(frame, None)), FEATURES[:3]
    shifted = frame.assign(age=frame.age + 5)
    table = joined(shifted, features)
    found = [
        report(Reference.of(manifest(signature(features, layout), base), (), ()), rows, halves(ROWS))
        for layout, rows in (("table", table), ("matrix", shifted.to_numpy(dtype=float)))
    ]

    assert found[0].features == found[1].features
    assert {"age"} == {each.feature for each in found[0].over if each.feature}


def test_rounding_to_float32_is_no_drift():
    """Numbers that training had in float64, and that come as float32, are in the same bins and the same range."""
    frame = FRAME.assign(age=FRAME.age.round(1), children=FRAME.children + 0.1)
    rounded = frame.assign(age=frame.age.astype(np.float32), children=frame.children.astype(np.float32))
    found = features_of(rounded, trained_on=frame)

    assert 0 == pytest.approx(found["age"].psi + found["children"].psi, abs=0.001)
    assert (0, 0) == (found["age"].out_of_range_ratio, found["children"].out_of_range_ratio)


def test_classes_and_scores_are_compared_with_those_of_training():
    """The score is the probability of the predicted class."""
    scores = np.tile([0.9, 0.6], ROWS)
    answers = Answers(2 * ROWS, [0.25, 0.75], bins_of(scores))
    reference = Reference.of(manifest(signature(), {}, answers), (), ())
    rows = joined(FRAME)

    found = report(reference, rows, halves(ROWS))

    assert index_of([500, 500], [0.25, 0.75]) == pytest.approx(found.prediction.psi)
    assert [("0", 0.25, 0.5), ("1", 0.75, 0.5)] == [(e.value, e.training, e.window) for e in found.prediction.classes]
    assert 0 == pytest.approx(found.score.psi, abs=1e-5)
    assert [0.5, 0.5] == [each.window for each in found.score.bins if each.window]


def test_a_regressors_numbers_are_its_scores():
    """They have bins, and no classes."""
    answers = Answers(ROWS, None, bins_of(np.arange(ROWS, dtype=float)))
    found = signature(FEATURES[:1], "matrix", "regressor", None, probabilities=False)
    reference = Reference.of(manifest(found, {}, answers), (), ())
    prediction = Prediction(np.arange(ROWS) + 500, None)

    told = report(reference, np.zeros((ROWS, 1)), prediction)

    assert [0, 0, 0, 0, 0, 0.1, 0.1, 0.1, 0.1, 0.6] == [each.window for each in told.score.bins]
    assert ("number", ()) == (told.score.kind, told.prediction.classes)


def test_a_model_of_many_classes_has_few_series():
    """From the 21st class on they are one."""
    labels = tuple(f"c{number}" for number in range(50))
    answers = Answers(ROWS, [0.02] * 50, None)
    found = signature(FEATURES[:1], "matrix", "classifier", labels, probabilities=False)
    reference = Reference.of(manifest(found, {}, answers), (), ())

    told = report(reference, np.zeros((50, 1)), Prediction(np.array(labels), None))

    assert MOST_CLASSES + 1 == len(told.prediction.classes)
    assert (OTHER, 0.6, 0.6) == (
        told.prediction.classes[-1].value,
        pytest.approx(told.prediction.classes[-1].training),
        told.prediction.classes[-1].window,
    )


def test_features_are_those_that_tell_most_or_those_that_are_named():
    """By default the 20 of the largest importance, or the first 20; DRIFT_FEATURES names others."""
    features = tuple(Feature(f"x{number}") for number in range(30))
    found = signature(features, "matrix")
    numbers = [float(number) for number in range(30)]

    chosen = [
        [each.name for each in Reference.of(manifest(found, {}, None, importances), names, ()).features]
        for importances, names in ((numbers, ()), (None, ()), (numbers, ("x3", "x1")), ([1.0], ()))
    ]

    first = [f"x{number}" for number in range(MOST_FEATURES)]
    assert [[f"x{number}" for number in range(29, 9, -1)], first, ["x3", "x1"], first] == chosen


@pytest.mark.parametrize(
    ("deciles", "known"), [(list(range(11)), True), ([0.0] * 5 + list(range(6)), False), ([1.0], False)]
)
def test_an_older_bundle_has_an_index_where_deciles_say_enough(deciles, known):
    """Deciles alone do not tell how many numbers were equal; the range is known anyway."""
    base = {"age": Baseline(0.0, [float(each) for each in deciles], {})}
    reference = Reference.of(manifest(signature(FEATURES[:1], "matrix"), base), (), ())

    (found,) = report(reference, np.linspace(0, 20, ROWS)[:, np.newaxis], halves(ROWS)).features

    assert known == (found.psi is not None)
    assert found.out_of_range_ratio > 0.4


@pytest.mark.parametrize(
    "baseline",
    [
        Baseline(7.0, [5.0, 1.0], {"a": -1.0}),
        Baseline(-1.0, [], {"a": 5.0, "b": 3.0}, categories=[]),
        Baseline(0.0, [], {}),
        Baseline(0.0, [1e308] * 11, {}, bins_of(np.array([-1.7e308, 1.7e308]))),
    ],
)
def test_whatever_a_bundle_says_nothing_fails(baseline):
    """Odd figures in a manifest make odd figures here, and no errors."""
    base = dict.fromkeys(FRAME, baseline)
    reference = Reference.of(manifest(signature(), base, Answers(0, [0.0], None), [np.nan] * 5), (), ())
    rows = joined(FRAME)

    assert len(FRAME.columns) == len(report(reference, rows, halves(ROWS)).features)


def test_no_index_is_told_of_a_feature_with_few_values():
    """Also if there are enough rows: a feature that is missing in most of them has too few values."""
    mostly = FRAME.assign(age=FRAME.age.where(np.arange(ROWS) < 100))
    reference = Reference.of(manifest(signature(), baselines(read_columns(FRAME, None))), (), ())
    rows = joined(mostly)

    found = report(reference, rows, halves(ROWS), least=500)

    assert (None, True) == (found.features[0].psi, found.features[0].missing_ratio > 0.85)
    assert ("age", "missing_ratio") in {(each.feature, each.figure) for each in found.over}
