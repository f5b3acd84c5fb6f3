"""What Prometheus thinks of a scrape."""

import secrets
import time

from tests.system.conftest import eventually
from tests.system.prometheus.conftest import CUSTOMER, post
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


def test_prometheus_leads_from_the_latency_to_a_trace(watched):
    """It keeps the exemplar of a request whose caller named its trace."""
    trace_id = secrets.token_hex(16)
    with watched.server.connect() as connection:
        connection.ask(*post({"features": CUSTOMER}), traceparent=f"00-{trace_id}-{secrets.token_hex(8)}-01")

    def kept():
        query = {
            "query": "mlservice_request_duration_seconds_bucket",
            "start": time.time() - 60,
            "end": time.time() + 60,
        }
        found = watched.prometheus.data("query_exemplars", **query)
        return trace_id in {one["labels"]["trace_id"] for series in found for one in series["exemplars"]}

    eventually(kept, "the exemplar")
