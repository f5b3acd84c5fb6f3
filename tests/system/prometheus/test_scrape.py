"""What Prometheus thinks of a scrape."""

from tests.system.conftest import eventually
from tests.system.prometheus.monitors import promtool


def test_promtool_has_nothing_to_say_about_a_scrape(watched):
    """Names, units and help follow Prometheus' conventions."""
    with watched.server.connect() as connection:
        _, _, exposition = connection.ask("GET", "/metrics")

    assert (True, "") == promtool("check", "metrics", given=exposition)


def test_the_load_is_seen(watched):
    """Prometheus has the answers and the refusals of the steady load, each by its code."""

    def seen():
        found = watched.prometheus.query("mlservice_requests_total > 0 or mlservice_refused_requests_total > 0")
        return {(labels.get("protocol"), labels["code"]) for labels, _ in found} >= expected

    expected = {("native", "ok"), ("v1", "ok"), ("native", "invalid_value"), (None, "not_found")}
    eventually(seen, "all kinds of requests")
