"""The dashboards on a real Prometheus, after a bad day: every panel has data; `make dashboards` draws them."""

import json
import math
import os
import re
import shutil
from contextlib import ExitStack
from operator import itemgetter
from pathlib import Path

import pytest

from tests import dashboards
from tests.system.conftest import eventually, launching
from tests.system.prometheus import monitors
from tests.system.prometheus.conftest import MIXED
from tests.system.prometheus.story import Story

# A scrape a second: the interval of Grafana's $__rate_interval is four of them, or a step and one.
SECONDS = float(os.environ.get("STORY_SECONDS", "20"))
STEP = max(1, round(SECONDS / 100))
RATE = f"{max(4, STEP + 1)}s"
# So that a few clients are an overload, and the log does not hold all of their rows.
SETTINGS = {
    "WEB_CONCURRENCY": "2",
    "PREDICTION_SLOTS": "1",
    "QUEUE_SECONDS": "0.01",
    "LOG_ROWS": "5",
    "DRIFT_LEAST_ROWS": "200",
}


class Answered:
    """What Prometheus answers to the queries of a dashboard about a span of time."""

    def __init__(self, prometheus: monitors.Prometheus, start: float, end: float):
        self._prometheus, self._start, self._end = prometheus, start, end

    def _fill_in(self, expression):
        return dashboards.fill_in(expression, RATE, f"{math.ceil(self._end - self._start)}s")

    def range(self, expression):
        return self._prometheus.range(self._fill_in(expression), self._start, self._end, STEP)

    def target(self, target):
        """Return the series of one query, as its panel gets them."""
        if not target.get("instant"):
            return self.range(target["expr"])
        found = self._prometheus.query(self._fill_in(target["expr"]), time=self._end)
        return [(labels, [(self._end, value)]) for labels, value in found]

    def notes(self, dashboard):
        """Return the colour of each annotation, and when it begins to be true."""
        for note in filter(itemgetter("enable"), dashboard["annotations"]["list"]):
            times = [[at for at, _ in values] for _, values in self.range(note["expr"])]
            yield note["iconColor"], [at for each in times for at in each if at - STEP not in each]

    def dashboard(self, dashboard):
        shown = {
            panel["id"]: [self.target(each) for each in panel["targets"]] for panel in dashboards.panels(dashboard)
        }
        notes = list(self.notes(dashboard))
        return {"start": self._start, "end": self._end, "step": STEP, "panels": shown, "notes": notes}


@pytest.fixture(scope="module")
def answered(tmp_path_factory, mixed_bundle, make_once):
    """Let a server live through a bad day; return what Prometheus says of it."""
    bundle = shutil.copytree(mixed_bundle, tmp_path_factory.mktemp("served") / "bundle")
    following = make_once("-c", MIXED.replace('version="7"', 'version="8"'))
    with ExitStack() as running:
        server = running.enter_context(launching(tmp_path_factory, bundle))(**SETTINGS)
        server.wait_until_ready()
        config = monitors.configure(tmp_path_factory.mktemp("prometheus"), [f"localhost:{server.port}"])
        prometheus = running.enter_context(monitors.prometheus(config))
        eventually(prometheus.scraped, "a scrape of the server")
        answered = Answered(prometheus, *Story(server, bundle, following, SECONDS).run(prometheus.scraped))
        if folder := os.environ.get("ANSWERS"):
            for name in dashboards.NAMES:
                Path(folder, f"{name}.json").write_text(json.dumps(answered.dashboard(dashboards.load(name))))
        yield answered


CASES = [(name, panel) for name in dashboards.NAMES for panel in dashboards.panels(dashboards.load(name))]


@pytest.mark.parametrize(("name", "panel"), CASES, ids=[f"{name}-{panel['id']}" for name, panel in CASES])
def test_every_query_of_a_panel_has_data(answered, name, panel):
    """And at least one of its values is a number."""
    empty = []
    for target in panel["targets"]:
        values = [value for _, series in answered.target(target) for _, value in series]
        if not any(map(math.isfinite, values)):
            empty.append(target["expr"])

    assert not empty


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_there_is_something_to_choose_in_every_variable(answered, name):
    """Each takes its values from a label that series of its metric have."""
    found = [each["query"]["query"] for each in dashboards.load(name)["templating"]["list"] if each["type"] == "query"]
    parts = [re.fullmatch(r"label_values\((.*), (\w+)\)", query) for query in found]
    values = {part[2]: {labels.get(part[2]) for labels, _ in answered.range(part[1])} for part in parts}

    assert {"ml-service"} == values["job"]
    assert all(values.values())
    assert not any(None in each for each in values.values())


@pytest.mark.parametrize("name", dashboards.NAMES)
def test_annotations_mark_what_happened(answered, name):
    """The reload and the killed worker, once each, and no start, for there was none within the time shown."""
    shown = {note["name"]: answered.range(note["expr"]) for note in dashboards.load(name)["annotations"]["list"]}
    expected = {"Alerts": True, "Reloads": True, "Workers lost": True, "Starts": False}

    assert {each: expected[each] for each in shown} == {each: bool(series) for each, series in shown.items()}
