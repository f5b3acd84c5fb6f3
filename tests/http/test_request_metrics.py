"""What the metrics say of prediction requests: how long each phase took, how many rows and bytes, what was shed."""

import json
import time
from io import BytesIO
from random import Random
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import create_environ

from service.config.settings import Settings
from service.errors import TryLater, describe
from service.incoming import INCOMING, Incoming
from service.monitoring.catalogue import PHASES, SECONDS, SHED
from service.serving.admission import Admission
from service.tracing.context import trace_of
from tests.badinput import JSON, ROW
from tests.dialecttable import INVOCATIONS


def counts(server):
    """Return how many requests each phase has seen."""
    return {phase: server.metric("phase_duration_seconds_count", phase=phase) for phase in PHASES}


def durations(server):
    """Return how many requests have each outcome."""
    return {
        outcome: server.metric("request_duration_seconds_count", protocol="native", outcome=outcome)
        for outcome in ("ok", "refused", "failed")
    }


def test_an_answer_has_each_phase_once(server):
    """And the phases behind the first, in which it arrived, add up to its duration."""
    for _ in range(3):
        server.predict({"instances": [ROW, ROW]})

    assert dict.fromkeys(PHASES, 3) == counts(server)
    total = sum(server.metric("phase_duration_seconds_sum", phase=phase) for phase in PHASES[1:])
    assert server.metric("request_duration_seconds_sum", outcome="ok") == pytest.approx(total)


def test_rows_and_bytes_are_those_of_answers(server):
    """Both add up to what was sent."""
    sizes = [len(server.predict({"instances": [ROW] * rows}).data) for rows in (1, 2, 100)]
    server.predict({"instances": [["x"] * 4] * 7})

    assert (3, 103) == tuple(server.metric(f"request_rows_{part}") for part in ("count", "sum"))
    assert (3, sum(sizes)) == tuple(server.metric(f"response_size_bytes_{part}") for part in ("count", "sum"))


def test_bytes_are_counted_as_they_are_sent(serve):
    """Compression belongs to encoding: the size is that after it."""
    server = serve(GZIP_BYTES="100")
    answer = server.predict({"instances": [ROW] * 1000}, **{"Accept-Encoding": "gzip"})

    assert "gzip" == answer.headers["Content-Encoding"]
    assert int(answer.headers["Content-Length"]) == server.metric("response_size_bytes_sum")


def test_a_refusal_has_the_phases_up_to_the_one_it_ended_in(server):
    """A slow refusal is seen where it was slow, and apart from the answers."""
    server.predict({"instances": [["x"] * 4]})

    assert {"read": 1, "queue": 1, "parse": 1, "predict": 0, "encode": 0} == counts(server)
    assert {"ok": 0, "refused": 1, "failed": 0} == durations(server)
    total = sum(server.metric("phase_duration_seconds_sum", phase=phase) for phase in PHASES[1:])
    assert server.metric("request_duration_seconds_sum", outcome="refused") == pytest.approx(total)


def test_a_failure_has_an_outcome_of_its_own(server):
    """Refusals are the callers', failures ours."""

    class Failing:
        name = "failing"

        def predict(self, rows, further=()):
            raise RuntimeError

    server.compute_with(Failing())
    server.predict({"instances": [ROW]})

    assert {"read": 1, "queue": 1, "parse": 1, "predict": 1, "encode": 0} == counts(server)
    assert {"ok": 0, "refused": 0, "failed": 1} == durations(server)
    assert 1 == server.metric("requests_total", protocol="native", code="internal_error", status="5xx")


def test_the_statistics_of_triton_keep_answers_and_failures_apart(server):
    """Its counts and seconds are those of the durations, by outcome."""
    server.predict({"instances": [ROW, ROW]})
    server.predict({"instances": [["x"] * 4]})

    (stats,) = server.client.get("/v2/models/stats").json["model_stats"]
    success, fail = stats["inference_stats"]["success"], stats["inference_stats"]["fail"]
    assert (1, 1) == (success["count"], fail["count"])
    assert success["ns"] == pytest.approx(server.metric("request_duration_seconds_sum", outcome="ok") * 1e9, abs=1)
    assert fail["ns"] == pytest.approx(server.metric("request_duration_seconds_sum", outcome="refused") * 1e9, abs=1)


def test_durations_are_told_apart_beyond_the_time_that_requests_may_take():
    """A request may take REQUEST_SECONDS until its prediction starts: beyond the last bound, all look the same."""
    default = Settings.from_env({}).request_seconds

    assert default in SECONDS
    assert max(SECONDS) > default


def ask_as_server(server, incoming, **headers):
    """Ask with what our own server says of a request."""
    return server.client.post(
        "/predict", json={"features": ROW}, headers=headers, environ_overrides={INCOMING: incoming}
    )


def test_time_in_the_queue_of_a_worker_is_part_of_the_duration(server, tmp_path):
    """And the time that a slow sender takes is not: it is the phase `read`."""
    now, body = time.monotonic(), tmp_path / "body"
    body.write_bytes(b'{"features": [5.1, 3.5, 1.4, 0.2]}')
    with body.open("rb") as stream:
        answer = ask_as_server(server, Incoming(stream, now - 2, trace_of({}), began=now - 10))

    assert 200 == answer.status_code
    assert 8 == pytest.approx(server.metric("phase_duration_seconds_sum", phase="read"))
    assert 2 <= server.metric("phase_duration_seconds_sum", phase="queue") < 8
    assert 2 <= server.metric("request_duration_seconds_sum", outcome="ok") < 8


def test_requests_that_are_shed_are_counted_by_reason(server, tmp_path):
    """For want of a thread, or because the time is over; others are not shed."""
    body = tmp_path / "body"
    body.touch()
    with body.open("rb") as stream:
        ask_as_server(server, Incoming(stream, time.monotonic(), trace_of({}), shed=True))
    server.predict({"features": ROW}, **{"X-Request-Timeout": "0"})
    server.predict({"features": "x"})

    assert {"backlog": 1, "slots": 0, "queue_time": 0, "deadline": 1} == {
        reason: server.metric("shed_requests_total", reason=reason) for reason in SHED
    }
    assert 2 == server.metric("request_duration_seconds_count", outcome="failed")


@pytest.mark.parametrize(("most_waiting", "reason"), [(0, "slots"), (1, "queue_time")])
def test_admission_says_why_it_sheds(most_waiting, reason):
    """Too many wait already, or one has waited too long."""
    admission, later = Admission(1, most_waiting, 10, 0.01, SimpleNamespace), time.monotonic() + 60
    with (
        admission.slot(later, lambda: False),
        pytest.raises(TryLater) as caught,
        admission.slot(later, lambda: False),
    ):
        pass

    assert reason == describe(caught.value).shed


def series(server):
    """Return all series of an exposition, by name and labels."""
    families = text_string_to_metric_families(server.client.get("/metrics").text)
    return {(each.name, *sorted(each.labels.items())) for family in families for each in family.samples}


ALPHABET = 'abcXYZ019-_.~%{}"\\ \xe9:;=,\0'  # as WSGI has bytes (PEP 3333)
FIELDS = ("HTTP_X_REQUEST_ID", "HTTP_TRACEPARENT", "HTTP_TRACESTATE", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PREFIX")
PATHS = ("/{}", "/predict/{}", "/v2/models/{}/infer", "/v1/models/{}:predict", "/v2/models/{}/versions/{}/infer")


def test_ten_thousand_random_requests_add_no_series(server):
    """Paths, methods, names, ids and trace headers come from whoever can send a request: none makes a label."""
    drawn, before, statuses, base = Random(16), series(server), set(), create_environ()
    longest = "".join(drawn.choices(ALPHABET, k=100_000))

    def word(most=12):
        start = int(drawn.random() * 99_900)
        return longest[start : start + 1 + int(drawn.random() * most)]

    documents = (
        lambda: {"instances": [{word(): drawn.random()}]},
        lambda: {"instances": [[word()] * 4], word(): word()},
        lambda: {"id": word(), "inputs": [{"name": word(), "shape": [1, 4], "datatype": word(), "data": ROW}]},
        lambda: {"features": ROW},
    )
    for _ in range(10_000):
        body = json.dumps(drawn.choice(documents)()).encode()
        asked = {
            "REQUEST_METHOD": drawn.choice(("POST", "POST", "POST", "GET", "PUT", word(8))),
            "PATH_INFO": drawn.choice((*PATHS, "/predict", "/predict", INVOCATIONS)).format(word(), word()),
            "CONTENT_TYPE": drawn.choice((JSON, JSON, word())),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
            **{name: word(60) for name in drawn.sample(FIELDS, 2)},
        }
        server.app({**base, **asked}, lambda status, _: statuses.add(int(status[:3])))

    assert {200, 400, 404, 405, 415, 422} <= statuses
    assert before == series(server)
