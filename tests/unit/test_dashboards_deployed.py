"""The dashboards agree with what else is deployed: metrics, limits, rules, runbook, provisioning."""

import re

import pytest
import yaml

from service.drift.report import LIMITS
from service.monitoring.catalogue import CATALOGUE, PREFIX
from tests import dashboards
from tests.alerts import DEPLOY, alerts, rules
from tests.unit.test_dashboards import BOARDS, PANELS, QUERIES, SELECTOR
from tests.unit.test_docs import ROOT, anchors, page

METRICS = {f"{PREFIX}_{item.name}" for item in CATALOGUE}
OF_PROMETHEUS = {"up", "scrape_duration_seconds", "ALERTS"}
RECORDED = {rule["record"]: rule["expr"] for rule in rules() if "record" in rule}
MOST_BYTES = 200_000  # of a picture
SHOWN = {
    "Worst feature": LIMITS.psi,
    "Predictions": LIMITS.psi,
    "Drift by feature, now": LIMITS.psi,
    "Drift by feature": LIMITS.psi,
    "Drift of predictions and scores": LIMITS.psi,
    "Missing values, more than in training": LIMITS.missing_ratio_above_training,
    "Unseen categories": LIMITS.unseen_ratio,
    "Outside the training range": LIMITS.out_of_range_ratio,
}


def thresholds(title):
    """Return the values of a panel's thresholds by colour."""
    found = next(panel for _, panel in PANELS if panel["title"] == title)
    return {step["color"]: step["value"] for step in found["fieldConfig"]["defaults"]["thresholds"]["steps"]}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_a_query_names_metrics_that_there_are(query):
    """A metric or recording rule that is renamed is renamed here."""
    names = {name for name, _, _ in SELECTOR.findall(query)}
    families = {name if name in METRICS else re.sub("_(bucket|sum|count)$", "", name) for name in names}

    assert families <= METRICS | OF_PROMETHEUS | set(RECORDED)


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_variables_take_their_values_from_metrics_that_there_are(board):
    """No list to choose from is empty because its metric is gone."""
    found = [each["definition"] for each in board["templating"]["list"] if each["type"] == "query"]

    assert {re.match(r"label_values\((\w+)", each)[1] for each in found} <= METRICS


@pytest.mark.parametrize("title", SHOWN)
def test_a_panel_is_red_from_where_an_alert_fires(title):
    """The limits of drift are those of the engine and the alerts."""
    assert SHOWN[title] == thresholds(title)["red"]


def test_the_service_is_red_when_it_misses_its_objectives():
    """They are those of slo.yml."""
    availability = re.fullmatch(r"vector\((.*)\)", RECORDED["mlservice:slo_availability:ratio"])[1]
    latency = re.search(r'le="(.*?)"', RECORDED["mlservice:answers:within_slo"])[1]

    assert float(availability) == thresholds("Availability")["green"]
    assert float(latency) == thresholds("p99 latency")["red"]
    assert {1, 6, 14.4} <= {*thresholds("Budget burn, 1 h").values()}


def test_links_lead_to_sections_of_the_documentation():
    """Each panel that an alert is about leads to what to do; the alerts name the same place."""
    links = [link["url"] for _, panel in PANELS for link in panel.get("links", [])]
    links += [link["url"] for board in BOARDS.values() for link in board["links"] if link["url"]]
    parts = [re.fullmatch(r"\$\{docs\}/([a-z]+\.md)(?:#(.+))?", url) for url in links]
    docs = {
        each["query"] for board in BOARDS.values() for each in board["templating"]["list"] if each["name"] == "docs"
    }
    named = {rule["annotations"]["runbook_url"].split("/runbook.md")[0] for rule in alerts()}

    assert all((ROOT / "docs" / part[1]).exists() for part in parts)
    assert {part[2] for part in parts if part[2]} <= anchors(ROOT / "docs/runbook.md")
    assert docs == named


def test_every_alert_has_a_panel_that_leads_to_it():
    """Whoever is paged finds the alert's figures on a dashboard."""
    linked = {link["url"].partition("#")[2] for _, panel in PANELS for link in panel.get("links", [])}

    assert {rule["alert"].lower() for rule in alerts()} <= linked


def test_grafana_is_told_what_is_deployed():
    """The data source has the interval of the scrapes, and dashboards are where the documentation puts them."""
    provisioning = ROOT / "deploy/grafana/provisioning"
    source = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())["datasources"][0]
    provider = yaml.safe_load((provisioning / "dashboards/ml-service.yml").read_text())["providers"][0]
    scrapes = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["global"]["scrape_interval"]

    assert scrapes == source["jsonData"]["timeInterval"]
    assert f"{dashboards.FOLDER.relative_to(ROOT)}:{provider['options']['path']}:ro" in page("docs/metrics.md")


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_readme_shows_a_picture_of_each_dashboard(name):
    """`make dashboards` makes it; it is small enough for a README."""
    picture = f"docs/images/dashboard-{name}.png"

    assert picture in page("README.md")
    assert MOST_BYTES > (ROOT / picture).stat().st_size
