"""Drift from end to end: rows are sent to a real server, and Prometheus with the rules of deploy/ names features."""

import hashlib
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import driftdata
from tests.system.conftest import eventually
from tests.system.prometheus import monitors

PACK = """
import sys
from model.packing.pack import pack
from tests.driftdata import customers
data = customers()
pack(data.estimator, sys.argv[2], name="customers", version="1", data=data.rows)
"""
WINDOW, SENT = 1000, 1050  # rows


@pytest.fixture(scope="module")
def bundle(make_once):
    return make_once("-c", PACK, hashlib.sha256(Path(driftdata.__file__).read_bytes()).hexdigest())


@pytest.fixture
def server(launch, bundle):
    """Serve customers by two workers, with a window that a few requests fill."""
    server = launch(bundle, WEB_CONCURRENCY="2", DRIFT_ROWS=str(WINDOW))
    server.wait_until_ready()
    return server


@pytest.fixture
def prometheus(server, tmp_path):
    """Watch it every second, with alerts that need not last for minutes."""
    config = monitors.configure(tmp_path, [f"localhost:{server.port}"])
    rules = tmp_path / "rules/drift.yml"
    rules.write_text(rules.read_text().replace("for: 5m", "for: 0s"))
    with ExitStack() as running:
        yield running.enter_context(monitors.prometheus(config))


def send(server, rows):
    """Send rows in requests of 90, which go to both workers."""
    cells = driftdata.cells(rows)
    for start in range(0, len(cells), 90):
        with server.connect() as connection:
            status, answer = connection.predict({"instances": cells[start : start + 90]})
        assert status == 200, answer


def named(prometheus):
    """Return the alerts of features with what they name."""
    return {(each["alertname"], each["feature"]) for each in prometheus.alerts() if "feature" in each}


def test_alerts_name_the_features_that_drift_and_end_with_the_drift(server, prometheus):
    """A shift, another unit, missing values and an unseen category; then swapped columns. None with training rows."""
    data = driftdata.customers()
    quiet = data.draw(1, SENT)
    send(server, quiet)
    figures = "count(mlservice_drift_feature_psi < 0.2)"
    eventually(lambda: prometheus.value(figures) == len(data.rows.columns), "figures of all features")
    evaluated = prometheus.rules()[0]["lastEvaluation"]
    eventually(lambda: prometheus.rules()[0]["lastEvaluation"] > evaluated, "the rules evaluated again")
    assert set() == named(prometheus)

    changed = driftdata.shifted(quiet, "monthly_charge", data.rows)
    changed = driftdata.in_another_unit(changed, "tenure_months")
    changed = driftdata.with_missing(changed, "support_calls", 0.05)
    send(server, driftdata.with_unseen(changed, "contract", 0.02))
    expected = {
        ("MLServiceFeatureDrift", "monthly_charge"),
        ("MLServiceFeatureDrift", "tenure_months"),
        ("MLServiceFeatureOutOfRange", "tenure_months"),
        ("MLServiceFeatureMissing", "support_calls"),
        ("MLServiceFeatureUnseen", "contract"),
    }
    eventually(lambda: named(prometheus) == expected, "the alerts of what has changed")

    send(server, driftdata.swapped(quiet, "age", "monthly_charge"))
    expected = {("MLServiceFeatureDrift", "age"), ("MLServiceFeatureDrift", "monthly_charge")}
    eventually(lambda: expected <= named(prometheus), "the alerts of swapped columns")

    send(server, quiet)
    eventually(lambda: named(prometheus) == set(), "no alert")
