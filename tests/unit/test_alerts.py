"""The alerts of deploy/prometheus: each can be acted on, and each is tested both ways."""

import re

import pytest

from service.drift.figures import MISSING_ERRORS
from service.drift.report import LIMITS
from service.monitoring.catalogue import SECONDS
from tests import alerts

ALERTS = {alert["alert"]: alert for alert in alerts.alerts()}
RECORDED = {rule["record"]: rule["expr"] for rule in alerts.rules() if "record" in rule}
NAMED = ("job", "instance", "feature")


def test_each_name_is_used_once():
    """An alert's tests and its section of the runbook go by its name."""
    assert len(ALERTS) == len(alerts.alerts()) >= 25


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_is_wrong_where_and_what_to_do(name):
    """It has a severity, a summary, a description that names the thing, and a link to its section of the runbook."""
    alert = ALERTS[name]
    description = alert["annotations"]["description"]
    anchor = alert["annotations"]["runbook_url"].partition("/docs/runbook.md#")[2]

    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert "$labels" in alert["annotations"]["summary"]
    assert any(f"$labels.{label}" in description for label in NAMED)
    assert name.lower() == anchor


def test_the_runbook_has_a_section_for_each_alert_and_no_other():
    """A heading is the name of an alert."""
    assert set(ALERTS) == set(alerts.runbook_sections())


@pytest.mark.parametrize("name", ALERTS)
def test_a_section_tells_how_to_confirm_and_what_to_do(name):
    """It says what the alert means, has two queries, and then says what to do."""
    section = alerts.runbook_sections()[name]
    meaning, *rest = re.split(r"```promql\n.*?\n```", section, flags=re.DOTALL)

    assert 2 == len(alerts.queries(section)) == len(rest)
    assert meaning.strip()
    assert rest[-1].strip()


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_case_that_fires_and_one_that_is_silent(name):
    """`promtool test rules` runs the cases of deploy/prometheus/tests (`make test-prometheus`)."""
    assert {True, False} == {fires for alert, fires in alerts.cases() if alert == name}


def test_the_threshold_of_latency_is_an_edge_of_a_bucket():
    """With any other number the query would find nothing, and the alerts would be silent."""
    threshold = re.search(r'le="([^"]*)"', RECORDED["mlservice:answers:within_slo"])[1]

    assert threshold in {str(edge) for edge in SECONDS}


def test_burn_rates_are_over_the_windows_that_their_names_say():
    """burnrate5m is over 5 minutes."""
    for name, expression in RECORDED.items():
        assert set(re.findall(r"burnrate(\w+)", name)) in (set(), set(re.findall(r"\[(\w+)\]", expression)))


@pytest.mark.parametrize(
    ("name", "limit"),
    [
        ("MLServiceFeatureDrift", LIMITS.psi),
        ("MLServicePredictionDrift", LIMITS.psi),
        ("MLServiceScoreDrift", LIMITS.psi),
        ("MLServiceFeatureUnseen", LIMITS.unseen_ratio),
        ("MLServiceFeatureOutOfRange", LIMITS.out_of_range_ratio),
    ],
)
def test_limits_of_drift_are_those_of_the_server(name, limit):
    """An alert fires where `GET /model/drift` says that a limit is exceeded."""
    assert ALERTS[name]["expr"].endswith(f" > {limit}")


def test_the_limit_of_missing_values_is_that_of_the_server():
    """It allows for chance, by the number of rows."""
    limit = f"> {LIMITS.missing_ratio_above_training} + {MISSING_ERRORS} * sqrt("
    assert limit in ALERTS["MLServiceFeatureMissing"]["expr"]
