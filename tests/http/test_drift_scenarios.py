"""What has not changed raises nothing, and what has changed is named, within one window; on real data, too."""

import pytest

from model.packing.pack import pack
from tests import driftdata
from tests.driftdata import CASES
from tests.http.conftest import Server

WINDOW = 600  # rows: hardly more than the 500 that there must be of a feature, missing ones aside
ROWS = WINDOW + WINDOW // 20  # that are sent, for the window slides by slices
REQUEST = 210  # of a window's rows, so that none is left out: rows are thinned if a turn has many


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    """Make a data set with its model, and a server of that, once."""
    made = {}

    def make(name):
        if name not in made:
            data, folder = CASES[name](), tmp_path_factory.mktemp(name) / "bundle"
            pack(data.estimator, folder, name=name, data=data.rows, compiled=False)
            made[name] = data, Server(folder, DRIFT_ROWS=str(WINDOW), DRIFT_FEATURES=",".join(data.rows.columns))
        return made[name]

    return make


@pytest.fixture
def watch(servers):
    """Send rows that fill a window; return what drifts: by feature, the figures that are over their limits."""

    def send(name, rows):
        server = servers(name)[1]
        post(server, rows)
        report = server.client.get("/model/drift").json
        assert WINDOW - WINDOW // 20 < report["window"]["rows"] <= WINDOW
        return over(report)

    return send


@pytest.fixture
def case(servers):
    """Return a data set with its model by name."""
    return lambda name: servers(name)[0]


def post(server, rows):
    cells = driftdata.cells(rows)
    for start in range(0, len(cells), REQUEST):
        assert 200 == server.predict({"instances": cells[start : start + REQUEST]}).status_code
        server.client.get("/model/drift")  # which counts what waits


def over(report):
    found = {}
    for each in report["over"]:
        found.setdefault(each["feature"], set()).add(each["figure"])
    return found


@pytest.mark.parametrize("name", CASES)
def test_training_rows_raise_nothing(watch, case, name):
    """In 20 seeds, a window of rows that are drawn from those of training: no figure is over its limit."""
    data = case(name)

    assert {seed: {} for seed in range(20)} == {seed: watch(name, data.draw(seed, ROWS)) for seed in range(20)}


def test_rows_like_those_of_training_raise_nothing(watch):
    """In 20 seeds, rows of the same distribution that the model has never seen: no figure is over its limit."""
    found = {seed: watch("customers", driftdata.more_customers(100 + seed, ROWS)) for seed in range(20)}

    assert {seed: {} for seed in range(20)} == found


def features_of(found):
    """Return what drifts of features alone: what is predicted may drift with them."""
    return {name: figures for name, figures in found.items() if name is not None}


@pytest.mark.parametrize("name", CASES)
def test_a_shift_by_one_standard_deviation_is_named(watch, case, name):
    """Each number that is shifted alone is over the limit of the index, and no other feature is over any limit."""
    data = case(name)
    rows = data.draw(0, ROWS)
    some = data.numbers[:10]
    found = {each: features_of(watch(name, driftdata.shifted(rows, each, data.rows))) for each in some}

    assert {each: [each] for each in some} == {each: list(over) for each, over in found.items()}
    assert [] == [each for each in some if "psi" not in found[each][each]]


@pytest.mark.parametrize("name", CASES)
def test_another_unit_is_named(watch, case, name):
    """Each number that is a thousand times as large alone is over the limits of the index and of the range."""
    data = case(name)
    rows = data.draw(0, ROWS)
    some = data.numbers[::3]
    found = {each: features_of(watch(name, driftdata.in_another_unit(rows, each))) for each in some}

    assert {each: {each: {"psi", "out_of_range_ratio"}} for each in some} == found


@pytest.mark.parametrize("name", ["penguins", "customers"])
def test_missing_values_are_named(watch, case, name):
    """5 % more of a feature that is hardly ever missing in training: its share is over the limit, and nothing else."""
    data = case(name)
    rows, complete = data.draw(0, ROWS), [each for each in data.rows if data.rows[each].isna().mean() < 0.01]
    found = {each: features_of(watch(name, driftdata.with_missing(rows, each, 0.05))) for each in complete}

    assert {each: {each: {"missing_ratio"}} for each in complete} == found


@pytest.mark.parametrize("name", ["penguins", "customers"])
def test_an_unseen_category_is_named(watch, case, name):
    """In two rows of a hundred: the share of unseen values is over its limit, and nothing else."""
    data = case(name)
    rows = data.draw(0, ROWS)
    found = {each: features_of(watch(name, driftdata.with_unseen(rows, each, 0.02))) for each in data.categories}

    assert {each: {each: {"unseen_ratio"}} for each in data.categories} == found


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("penguins", "bill_length_mm", "bill_depth_mm"),
        ("penguins", "flipper_length_mm", "body_mass_g"),
        ("cancer", "mean radius", "mean texture"),
        ("cancer", "compactness error", "concavity error"),
        ("diabetes", "bmi", "bp"),
        ("customers", "age", "monthly_charge"),
    ],
)
def test_columns_that_were_swapped_are_named(watch, case, name, one, other):
    """Both of two columns that are sent as each other are over the limit of the index, and no other is."""
    found = features_of(watch(name, driftdata.swapped(case(name).draw(0, ROWS), one, other)))

    assert {one, other} == set(found)
    assert all("psi" in figures for figures in found.values())


def test_drift_is_seen_within_the_window_and_is_gone_with_it(servers):
    """Among rows that have not changed, within as many rows as the window has; and as many later no more."""
    data, server = servers("customers")

    def rows_until(drifts, change):
        for sent in range(0, 2 * WINDOW, 50):
            if drifts == bool(features_of(over(server.client.get("/model/drift").json))):
                return sent
            post(server, change(data.draw(sent, 50)))
        return None

    post(server, data.draw(0, ROWS))
    seen = rows_until(drifts=True, change=lambda rows: driftdata.in_another_unit(rows, "tenure_months"))
    gone = rows_until(drifts=False, change=lambda rows: rows)

    assert 0 < seen <= WINDOW
    assert 0 < gone <= ROWS + 50
