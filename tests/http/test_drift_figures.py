"""The figures of drift are those that numpy computes from the raw data, as docs/drift.md defines them."""

import numpy as np
import pytest

from model.packing.pack import pack
from tests import driftdata
from tests.http.conftest import Server

ROWS = 700


def index(training, live):
    """Return the population stability index of counts in bins."""
    used = (training > 0) | (live > 0)
    expected = np.maximum(training[used] / training.sum(), 1e-4)
    shares = (live[used] + 0.5) / (live.sum() + 0.5 * used.sum())
    return ((shares - expected) * np.log(shares / expected)).sum()


def index_of_numbers(training, live, bins):
    """Return the index of numbers in bins, each of which holds its upper end."""
    ends = [each["high"] for each in bins[:-1]]
    training, live = (
        np.bincount(np.searchsorted(ends, values[~np.isnan(values)]), minlength=len(bins))
        for values in (training, live)
    )
    assert training / training.sum() == pytest.approx([each["training"] for each in bins])
    assert live / live.sum() == pytest.approx([each["window"] for each in bins])
    return index(training, live)


def index_of_names(training, live, bins):
    """Return the index of values that have a bin each, and a last one for all others."""
    names = [each["value"] for each in bins]
    counts = [np.array([(values == name).sum() for name in names]) for values in (training, live)]
    counts = [
        np.append(each[:-1], values.notna().sum() - each[:-1].sum())
        for each, values in zip(counts, (training, live), strict=True)
    ]
    return index(*counts)


@pytest.fixture(scope="module", params=["penguins", "diabetes"])
def found(request, tmp_path_factory):
    """Pack a data set's model and send it rows with something of everything; return data, rows and report."""
    data, folder = driftdata.CASES[request.param](), tmp_path_factory.mktemp("figures") / "bundle"
    pack(data.estimator, folder, name="figures", data=data.rows, compiled=False)
    rows = data.draw(5, ROWS)
    rows = driftdata.with_missing(driftdata.shifted(rows, data.numbers[0], data.rows), data.numbers[1], 0.1)
    rows = driftdata.in_another_unit(rows, data.numbers[2])
    rows = driftdata.with_unseen(rows, data.categories[0], 0.05) if data.categories else rows
    server = Server(folder)
    assert 200 == server.predict({"instances": driftdata.cells(rows)}).status_code
    return data, rows, server.client.get("/model/drift").json


def test_the_index_of_each_feature_is_that_of_the_raw_data(found):
    """Numbers in the bins of the report, categories by name."""
    data, rows, report = found
    features = {each["name"]: each for each in report["features"]}
    numbers = {
        name: index_of_numbers(data.rows[name].to_numpy(float), rows[name].to_numpy(float), features[name]["bins"])
        for name in data.numbers
    }
    names = {name: index_of_names(data.rows[name], rows[name], features[name]["bins"]) for name in data.categories}

    assert pytest.approx(numbers | names) == {name: each["psi"] for name, each in features.items()}


def test_bins_of_numbers_have_a_tenth_of_training_each_unless_values_repeat(found):
    """At most one value more or less than a tenth lies between two ends, if all values differ; else what repeats."""
    data, _, report = found
    features = {each["name"]: each for each in report["features"]}
    repeated = {name: data.rows[name].value_counts(normalize=True).max() for name in data.numbers}
    largest = {name: max(each["training"] for each in features[name]["bins"]) for name in data.numbers}

    assert [] == [name for name in data.numbers if largest[name] > 0.1 + repeated[name]]


def test_ratios_are_those_of_the_raw_data(found):
    """Missing, unseen and out of range, as shares of all rows."""
    data, rows, report = found
    least, most = data.rows[data.numbers].min(), data.rows[data.numbers].max()
    outside = ((rows[data.numbers] < least) | (rows[data.numbers] > most)).mean()
    unseen = {name: (rows[name].notna() & ~rows[name].isin(data.rows[name])).mean() for name in data.categories}
    features = report["features"]

    assert pytest.approx(dict(rows.isna().mean())) == {each["name"]: each["missing_ratio"] for each in features}
    assert pytest.approx(dict(data.rows.isna().mean())) == {
        each["name"]: each["training_missing_ratio"] for each in features
    }
    assert pytest.approx(unseen) == {
        each["name"]: each["unseen_ratio"] for each in features if each["kind"] == "category"
    }
    assert pytest.approx(dict(outside)) == {
        each["name"]: each["out_of_range_ratio"] for each in features if each["kind"] == "number"
    }


def scores(estimator, rows):
    """Return the probabilities of the predicted classes, or the numbers that a regressor predicts."""
    predict = getattr(estimator, "predict_proba", None)
    return estimator.predict(rows) if predict is None else predict(rows).max(axis=1)


def test_the_index_of_scores_is_that_of_the_raw_data(found):
    """Probabilities of the predicted class, or the numbers that a regressor predicts, for rows and training rows."""
    data, rows, report = found
    training, live = (scores(data.estimator, each) for each in (data.rows, rows))

    assert pytest.approx(index_of_numbers(training, live, report["score"]["bins"])) == report["score"]["psi"]


def test_the_index_of_predicted_classes_is_that_of_the_raw_data(found):
    """By class, for rows and for training rows; a regressor has none."""
    data, rows, report = found
    names = [each["value"] for each in report["prediction"]["classes"]]
    counts = [np.array([(data.estimator.predict(each) == name).sum() for name in names]) for each in (data.rows, rows)]
    expected = index(*counts) if names else None

    assert pytest.approx(expected) == report["prediction"]["psi"]
    assert pytest.approx([count / len(rows) for count in counts[1]]) == [
        each["window"] for each in report["prediction"]["classes"]
    ]
