"""Every series that a rule, an alert, a panel or a page names is there when Prometheus scrapes a real server."""

import re

import pytest

from tests import dashboards
from tests.alerts import SELECTOR, alerts, queries, rules
from tests.conftest import ROOT
from tests.system.conftest import eventually

PAGES = [path for path in sorted((ROOT / "docs").glob("*.md")) if queries(path.read_text())]
PANELS = {
    name: [
        dashboards.fill_in(target["expr"], rate="10s", shown="1m")
        for panel in dashboards.panels(dashboards.load(name))
        for target in panel["targets"]
    ]
    for name in dashboards.NAMES
}
# What is recorded over windows and about requests, which takes some seconds.
RECORDED = sorted(rule["record"] for rule in rules() if "record" in rule)


def selectors(expressions):
    """Return the selectors of our own series in some expressions."""
    return sorted({found[0] for expression in expressions for found in SELECTOR.finditer(expression)})


def without_series(prometheus, expressions):
    """Return the selectors that find nothing, once Prometheus has had time to scrape and to evaluate."""
    wanted = selectors(expressions)
    assert wanted

    def missing():
        return [selector for selector in wanted if not prometheus.series(selector)]

    eventually(lambda: not missing(), f"series of {missing()}")
    return missing()


def test_every_rule_is_evaluated_without_an_error(watched):
    """The rules of all files are loaded, and each has a result or none, but no error."""
    found = watched.prometheus.rules()

    assert len(rules()) == len(found)
    eventually(lambda: {rule["health"] for rule in watched.prometheus.rules()} == {"ok"}, "all rules evaluated")


def test_every_series_of_the_rules_is_there(watched):
    """Also with the labels that a rule narrows it by."""
    assert [] == without_series(watched.prometheus, [rule["expr"] for rule in rules()] + RECORDED)


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_every_query_of_the_pages_runs_and_its_series_are_there(watched, page):
    """Those of the runbook, and of the other pages of docs/."""
    asked = queries(page.read_text())

    assert [] == without_series(watched.prometheus, asked)
    for query in asked:
        watched.prometheus.query(query)


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_every_series_of_the_panels_is_there(watched, name):
    """With the variables of the dashboard standing for everything."""
    assert [] == without_series(watched.prometheus, PANELS[name])


def test_no_alert_fires_on_a_healthy_server(watched):
    """Nor is one about to, but for those of drift: the load repeats forty rows."""
    held = {alert["alert"] for alert in alerts() if not re.search("drift", alert["expr"])}
    names = [labels["alertname"] for state in ("firing", "pending") for labels in watched.prometheus.alerts(state)]

    assert set() == held & set(names)
