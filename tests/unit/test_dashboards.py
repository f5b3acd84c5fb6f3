"""The dashboards keep the rules of Grafana's dashboard-linter, and a few of our own."""

import itertools
import re
from collections import Counter

import pytest

from service.monitoring.catalogue import PREFIX
from tests import dashboards

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Those of Grafana's units that are used here.
UNITS = {"none", "short", "percentunit", "s", "bytes", "cps", "reqps", "suffix:x"}
SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}(\[[^]]*\])?")
COLUMNS = 24

BOARDS = {name: dashboards.load(name) for name in dashboards.NAMES}
PANELS = [(name, panel) for name, board in BOARDS.items() for panel in dashboards.panels(board)]
NOTES = [(name, note) for name, board in BOARDS.items() for note in board["annotations"]["list"]]
QUERIES = {
    f"{name}-{panel['id']}{target['refId']}": target["expr"] for name, panel in PANELS for target in panel["targets"]
}
QUERIES |= {f"{name}-{note['name']}": note["expr"] for name, note in NOTES}

each_board = pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
each_panel = pytest.mark.parametrize("panel", [p for _, p in PANELS], ids=[f"{n}-{p['id']}" for n, p in PANELS])
each_query = pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)


def test_there_is_a_dashboard_for_the_service_and_one_for_the_model():
    """Their uids are what links and bookmarks hold, and do not change."""
    assert {"service": "mlservice-service", "model": "mlservice-model"} == {n: b["uid"] for n, b in BOARDS.items()}


@each_board
def test_a_dashboard_is_of_the_current_schema(board):
    """It names no Grafana of its author's: no id, and nothing to be filled in at an import."""
    assert (42, None) == (board["schemaVersion"], board["id"])
    assert not {"__inputs", "__requires"} & set(board)


@each_board
def test_the_data_source_is_a_variable(board):
    """template-datasource-rule."""
    found = [each for each in board["templating"]["list"] if each["type"] == "datasource"]

    assert [("datasource", "Data source", "prometheus")] == [(e["name"], e["label"], e["query"]) for e in found]
    assert all(note["datasource"] == SOURCE for note in board["annotations"]["list"])


@each_board
@pytest.mark.parametrize("name", ["job", "instance"])
def test_job_and_instance_are_variables(board, name):
    """template-job-rule and template-instance-rule: several can be chosen, and all of them are at first."""
    found = next(each for each in board["templating"]["list"] if each["name"] == name)

    assert ("query", name.title(), SOURCE) == (found["type"], found["label"], found["datasource"])
    assert (True, True, ".+") == (found["multi"], found["includeAll"], found["allValue"])


@each_board
def test_variables_take_their_values_from_metrics_that_there_are(board):
    """template-label-promql-rule."""
    found = [each for each in board["templating"]["list"] if each["type"] == "query"]
    parts = [re.fullmatch(r"label_values\((\w+)(\{.*\})?, (\w+)\)", each["definition"]) for each in found]

    assert None not in parts
    assert [each["definition"] for each in found] == [each["query"]["query"] for each in found]


@each_panel
def test_a_panel_says_what_it_shows(panel):
    """panel-title-description-rule, panel-datasource-rule, panel-units-rule; `none` is a number without a unit."""
    unit = panel["fieldConfig"]["defaults"].get("unit") or panel["options"]["yAxis"]["unit"]

    assert panel["title"]
    assert len(panel["description"]) > len(panel["title"])
    assert unit in UNITS
    assert {*SOURCE.items()} == {*panel["datasource"].items()}
    assert all(target["datasource"] == SOURCE for target in panel["targets"])
    assert len(panel["targets"]) == len({target["refId"] for target in panel["targets"]}) > 0


@each_panel
def test_a_legend_has_names(panel):
    """A line is called by a word or a label, never by its whole query."""
    lines = [target for target in panel["targets"] if "format" not in target and panel["type"] != "stat"]

    assert all(target.get("legendFormat") for target in lines)


@each_query
def test_a_query_is_of_the_chosen_jobs_and_instances(query):
    """target-job-rule and target-instance-rule; what a rule has recorded for a job, or an alert, has no instance."""
    found = SELECTOR.findall(query)
    of_job = [labels for _, labels, _ in found]
    of_instance = [labels for name, labels, _ in found if not re.match("job:|ALERTS", name)]

    assert found
    assert all('job=~"$job"' in labels for labels in of_job)
    assert all('instance=~"$instance"' in labels for labels in of_instance)


@each_query
def test_every_metric_has_a_selector(query):
    """No name of a metric stands alone, where no job and instance would be asked for, and no window is a fixed one."""
    bare = SELECTOR.sub("", query)

    assert not re.search(rf"\b{PREFIX}_|\bup\b|\bALERTS\b|\bscrape_", bare)
    assert {window for _, _, window in SELECTOR.findall(query)} <= {"", "[$__rate_interval]", "[$__range]"}


@each_panel
def test_counters_are_rates_over_the_interval_that_grafana_computes(panel):
    """target-rate-interval-rule, target-counter-agg-rule; an instant query may be about the whole time shown."""
    found = [(target, *selector) for target in panel["targets"] for selector in SELECTOR.findall(target["expr"])]
    windows = [(window, target.get("instant", False)) for target, _, _, window in found if window]
    counters = [window for _, name, _, window in found if re.search("_(total|bucket|sum|count)$", name)]

    assert set(windows) <= {("[$__rate_interval]", False), ("[$__rate_interval]", True), ("[$__range]", True)}
    assert all(counters)


@each_board
def test_panels_stand_side_by_side(board):
    """No two are in one place, and every line of the grid is full, on the page and in each row that is opened."""
    groups = [board["panels"], *(row["panels"] for row in board["panels"] if row.get("panels"))]
    cells = Counter(
        (group, panel["gridPos"]["x"] + column, panel["gridPos"]["y"] + line)
        for group, members in enumerate(groups)
        for panel in members
        for column, line in itertools.product(range(panel["gridPos"]["w"]), range(panel["gridPos"]["h"]))
    )
    lines = Counter((group, line) for group, _, line in cells)
    ids = [panel["id"] for members in groups for panel in members]

    assert {1} == {*cells.values()}
    assert {COLUMNS} == {*lines.values()}
    assert len(ids) == len({*ids})
