"""LOG_FORMAT: the prediction log as SageMaker's Data Capture and as KServe's CloudEvents, to the field."""

import base64
import json
import re
from datetime import datetime

import pytest

from tests import loglines
from tests.badinput import JSON, NAMES, ROW
from tests.dialects import Table
from tests.dialecttable import DIALECTS, VERTEX
from tests.http.conftest import Server

TABLE = Table(NAMES, ["float64"] * 4, [ROW, [6.0, 3.0, 4.5, 1.5]])
NAMED = {"MODEL_NAME": "case", "PREDICT_ROUTE": VERTEX}
IDS = {"X-Request-ID": "r-1", "traceparent": "00-" + "ab" * 16 + "-" + "cd" * 8 + "-01"}
SECRET = "hunter2"
HOSTILE = "\x00\n\r\x1b[31m\x7f\x85\u2028\u202e\ufeff\U0001f600"


@pytest.fixture(scope="module")
def servers(iris_bundle):
    """Make a server of each format."""
    return {form: Server(iris_bundle, LOG_FORMAT=form, **NAMED) for form in ("sagemaker", "cloudevents")}


def ask(server, dialect):
    """Ask in a dialect; return the question, the answer, and what was logged."""
    server.check_log()
    server.lines.clear()
    server.checked = 0
    asked = dialect.ask(TABLE)
    answer = server.client.post(asked.path, data=asked.body, headers={**asked.headers, **IDS})
    assert 200 == answer.status_code
    return asked, answer, [loglines.read(line) for each in server.lines for line in each.splitlines(keepends=True)]


def body_of(captured):
    """Return the body that Data Capture holds, as its readers do."""
    return base64.b64decode(captured["data"]) if captured["encoding"] == "BASE64" else captured["data"].encode()


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_data_capture_has_the_bodies_of_each_protocol(servers, dialect):
    """Exactly the members that SageMaker writes, with its encodings: CSV and JSON as they are, others in base64."""
    asked, answer, (line,) = ask(servers["sagemaker"], dialect)

    assert ["captureData", "eventMetadata", "eventVersion"] == list(line)
    assert ({"eventId", "inferenceTime"}, "0") == (set(line["eventMetadata"]), line["eventVersion"])
    assert "r-1" == line["eventMetadata"]["eventId"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", line["eventMetadata"]["inferenceTime"])
    found = line["captureData"]
    assert [("endpointInput", "INPUT"), ("endpointOutput", "OUTPUT")] == [(name, found[name]["mode"]) for name in found]
    for each, body, kind in (
        (found["endpointInput"], asked.body, asked.headers.get("Content-Type", "")),
        (found["endpointOutput"], answer.data, answer.headers["Content-Type"]),
    ):
        assert ["observedContentType", "mode", "data", "encoding"] == list(each)
        expected = "CSV" if kind.startswith("text/csv") else "JSON" if "json" in kind else "BASE64"
        assert (kind, expected, body) == (each["observedContentType"], each["encoding"], body_of(each))


@pytest.mark.parametrize("form", ["sagemaker", "cloudevents"])
def test_binary_data_behind_json_is_in_base64(serve, form):
    """Open Inference V2 tells it by a header, whatever the content type says."""
    asked = next(dialect for dialect in DIALECTS if dialect.name == "v2, binary").ask(TABLE)
    server = serve(LOG_FORMAT=form, **NAMED)

    answer = server.client.post(asked.path, data=asked.body, headers={**asked.headers, "Content-Type": JSON})

    assert 200 == answer.status_code
    assert base64.b64encode(asked.body) in server.lines[0]


def check_event(event):
    """Check what CloudEvents 1.0 requires of an event in its JSON format, and that it has KServe's extensions."""
    assert all(re.fullmatch("[a-z0-9]{1,20}|data_base64", name) for name in event)
    strings = ("id", "source", "type", "inferenceservicename", "namespace", "component", "endpoint", "datacontenttype")
    assert all(isinstance(event[name], str) and event[name] for name in strings)
    assert "1.0" == event["specversion"]
    assert datetime.fromisoformat(event["time"]).tzinfo is not None
    assert 1 == len(event.keys() & {"data", "data_base64"})
    assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", event["traceparent"])


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_cloud_events_are_a_request_and_a_response_of_one_id(servers, dialect):
    """The types and extensions of KServe's logger; data is a JSON value, a string, or base64, by the content type."""
    asked, answer, events = ask(servers["cloudevents"], dialect)

    types = [f"org.kubeflow.serving.inference.{kind}" for kind in ("request", "response")]
    assert types == [event["type"] for event in events]
    kinds = asked.headers.get("Content-Type", ""), answer.headers["Content-Type"]
    for event, body, kind in zip(events, (asked.body, answer.data), kinds, strict=True):
        check_event(event)
        assert ("r-1", "case", "predictor") == (event["id"], event["inferenceservicename"], event["component"])
        assert ("ab" * 16, kind or JSON) == (event["traceparent"][3:35], event["datacontenttype"])
        json_value = kind == JSON
        text = event["data"] if isinstance(event.get("data"), str) else ""
        data = base64.b64decode(event["data_base64"]) if "data_base64" in event else text.encode()
        assert (json.loads(body), "data") == (event["data"], "data") if json_value else body == data


def captured_failure(line):
    assert ["endpointOutput"] == list(line["captureData"])
    return json.loads(body_of(line["captureData"]["endpointOutput"]))


def failure_event(line):
    assert "ml-service.inference.failed" == line["type"]
    return line["data"]


READ_FAILURE = {"sagemaker": captured_failure, "cloudevents": failure_event}


@pytest.mark.parametrize("form", ["sagemaker", "cloudevents"])
def test_failures_are_always_logged_and_say_why(serve, form):
    """Also where no success is sampled, and where no prediction route was reached."""
    server = serve(LOG_FORMAT=form, LOG_SHARE="0")
    server.predict({"features": ROW})
    server.predict({"features": [5.1, "x", 1.4, 0.2]})
    server.client.get("/nowhere")

    routed, unrouted = server.logged()
    reasons = [READ_FAILURE[form](line) for line in (routed, unrouted)]
    assert ["invalid_value", "not_found"] == [reason["code"] for reason in reasons]
    assert (422, NAMES[1], "/features/1") == tuple(reasons[0][name] for name in ("status", "feature", "pointer"))
    assert ("/nowhere", "native") == (reasons[1]["path"], reasons[0]["protocol"])


@pytest.mark.parametrize("form", ["sagemaker", "cloudevents"])
@pytest.mark.parametrize(
    "redact", [{"LOG_REDACT": NAMES[0]}, {"LOG_REDACT_PATTERN": r"^4111111111111111$"}], ids=["name", "pattern"]
)
def test_redacted_values_are_in_no_body(serve, form, redact):
    """The rows are written in the native protocol's words then, whatever the protocol; predictions stay."""
    server = serve(LOG_FORMAT=form, **redact, **NAMED)
    rows = [[4111111111111111, *ROW[1:]]]

    server.client.post("/v1/models/case:predict", json={"instances": rows})
    server.client.post("/v1/models/case:predict", json={"instances": [[SECRET, *ROW[1:]]]})

    assert b"4111" not in b"".join(server.lines)
    assert ("LOG_REDACT" in redact) == (SECRET.encode() not in b"".join(server.lines))
    assert b"null,3.5,1.4,0.2" in server.lines[0].replace(b"\\", b"")
    assert b"predictions" in server.lines[0]


@pytest.mark.parametrize("form", ["sagemaker", "cloudevents"])
def test_only_so_many_rows_are_in_a_body(serve, form):
    """A body of more rows than LOG_ROWS is not logged as it came."""
    server = serve(LOG_FORMAT=form, LOG_ROWS="2")

    server.predict({"instances": [ROW] * 3})

    assert 2 == server.lines[0].count(b"5.1,3.5")


@pytest.mark.parametrize("form", ["native", "sagemaker", "cloudevents"])
def test_hostile_bodies_headers_and_paths_stay_on_their_line(serve, form):
    """Strings of a megabyte, control characters, line breaks between members: every line is one printable line."""
    server = serve(LOG_FORMAT=form, IGNORE_EXTRA_COLUMNS="1", ROW_ID="id")
    features, statuses = dict(zip(NAMES, ROW, strict=True)), []

    def post(path, content, kind=JSON, **headers):
        statuses.append(server.client.post(path, data=content, content_type=kind, headers=headers).status_code)

    for text in (HOSTILE, HOSTILE * 50_000):
        short = text[:5000].replace("\n", "").replace("\r", "")
        document = {"instances": [{**features, "id": text, "unknown": text}]}
        post("/predict", json.dumps(document, indent=2, ensure_ascii=False).encode())
        for wrong in ({"features": {**features, NAMES[0]: text}}, {"features": {text: 1}}, {text: text}, text):
            post("/predict", json.dumps(wrong).encode())
        post("/predict", text.encode(), "text/csv")
        post(f"/v2/models/{short}/infer", b"{}")
        post(f"/{short}", b"{}", **{"X-Forwarded-For": short, "User-Agent": short})

    lines = [line for each in server.lines for line in each.splitlines(keepends=True)]
    assert len(statuses) + (statuses.count(200) if form == "cloudevents" else 0) == len(lines)
    assert 200 in statuses
    assert [] == [fault for line in lines for fault in loglines.faults(line, native=form == "native")]
