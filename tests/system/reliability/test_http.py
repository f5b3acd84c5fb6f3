"""Malformed HTTP, directly and through the proxies: never a 5xx, and nobody gets an answer that is not theirs."""

import itertools
import json
import re
import socket
from contextlib import suppress

import pytest

from tests.system.conftest import DEADLINE, launching
from tests.system.reliability.fronts import FRONTS, free_port
from tests.system.reliability.malformed import CASES, HEAD, ID

# Two rows whose answers differ, so that an answer tells whose it is.
CANARIES = [(0, b'{"features": [5.1, 3.5, 1.4, 0.2]}'), (2, b'{"features": [6.9, 3.1, 5.1, 2.3]}')]
QUIET_SECONDS = 0.15
HIDDEN = [
    "/metrics",
    "//metrics",
    "/./metrics",
    "/%6detrics",
    "/%2e/metrics",
    "/x/../metrics",
    "/x/%2e%2e/metrics",
    "/metrics/",
    "/metrics?a=b",
    "/metrics%3fa",
    "/metrics;a",
    "/METRICS",
    "http://x/metrics",
    "/%2fmetrics",
    "/metrics%2f",
    "/metrics%20",
    "/metrics/.",
    "/%252e/metrics",
    "\\metrics",
    "/.//metrics",
    "/v2/models/stats",
    "/v2/models/iris/stats",
    "/v2/models/iris/versions/1/stats",
    "/v2/models/%73tats",
    "/v2/models/iris/stat%73",
    "/%762/models/iris/versions/1/stats",
    "/v2%2fmodels%2fstats",
    "/v2/models/iris%2fstats",
    "/v2/models/iris%2fversions%2f1%2fstats",
    "/v2/models/stats?a=b",
    "/v2/models/stats/",
    "//v2/models/stats",
    "/v2//models//stats",
    "/v2/./models/iris/./stats",
    "/x/../v2/models/stats",
    "/v2/models/x/%2e%2e/stats",
    "http://x/v2/models/stats",
    "http://x/v2/models/iris/%73tats",
]
numbers = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory, iris_bundle):
    """Serve all the cases of this module with one server, so that none of them spoils what comes after."""
    with launching(tmp_path_factory, iris_bundle) as launch:
        server = launch(WEB_CONCURRENCY="2", READ_SECONDS="5", PORT=str(free_port()))
        server.wait_until_ready()
        yield server


@pytest.fixture(params=FRONTS)
def front(request, behind, server):
    return behind(request.param, server)


def receive(client, seconds, enough=lambda content: False):
    """Receive until nothing has come for so long; return the bytes, and whether the connection has ended."""
    content = b""
    client.settimeout(seconds)
    try:
        while piece := client.recv(1 << 16):
            content += piece
            if enough(content):
                return content, False
    except TimeoutError:
        return content, False
    except OSError:
        pass
    return content, True


def split(content, *, heads=False):
    """Return the whole answers in what was received, each as status, fields and body, and the rest.

    Those to HEAD have no body.
    """
    answers = []
    while found := re.match(rb"HTTP/1\.\d (\d{3})[^\r\n]*\r\n(.*?\r\n)\r\n", content, re.DOTALL):
        announced = re.search(rb"(?i)content-length: *(\d+)", found[2])
        end = found.end() + (int(announced[1]) if announced and not heads else 0)
        if len(content) < end:
            break
        answers.append((int(found[1]), found[2].decode("latin-1"), content[found.end() : end]))
        content = content[end:]
    return answers, content


def canary(client):
    """Send a request on a connection; returns the status, and asserts that a 200 is the answer to this request."""
    number = next(numbers)
    label, body = CANARIES[number % 2]
    head = HEAD + b"X-Request-ID: canary-%d\r\nContent-Length: %d\r\n\r\n" % (number, len(body))
    client.sendall(head + body)
    content, _ = receive(client, DEADLINE, enough=lambda content: split(content)[0])
    answers, left = split(content)
    if not content:
        raise ConnectionResetError("ended without an answer")
    assert (1, b"") == (len(answers), left), content
    ((status, fields, answer),) = answers
    if status == 200:
        assert label == json.loads(answer)["prediction"]
        assert re.search(rf"(?i)x-request-id: canary-{number}\r\n", fields)
    return status


def try_case(front, content):
    """Send one message; returns the statuses of the answers, and asserts that no answers are mixed up."""
    with socket.create_connection(("127.0.0.1", front.port), DEADLINE) as client:
        with suppress(OSError):  # it may be refused before it is sent
            client.sendall(content)
        came, ended = receive(client, QUIET_SECONDS)
        # With no answer to it all the server waits for the rest, and what followed would be just that. Behind half a
        # message it may be refused.
        if came and not ended:
            with suppress(ConnectionError):  # it may close behind its answer
                assert canary(client) < 500
    heads = content.startswith(b"HEAD")
    answers, left = split(came, heads=heads)
    ends_with_body = heads and ended  # as HAProxy answers a malformed HEAD by itself; the server does not
    assert not left or not came.startswith(b"HTTP/") or ends_with_body, came
    for _ in range(2):
        with socket.create_connection(("127.0.0.1", front.port), DEADLINE) as fresh:
            assert 200 == canary(fresh)
    return [status for status, _, _ in answers]


def test_no_malformed_message_is_a_5xx_or_mixes_up_answers(front, server, request, figure):
    """Each class, then a request on the same connection where it is kept, and two on fresh ones."""
    kind = request.node.callspec.params["front"]
    wrong = {}
    for name, content in CASES.items():
        try:
            statuses = try_case(front, content)
        except (AssertionError, OSError) as error:
            wrong[name] = repr(error)[:300]
        else:
            if any(status >= 500 for status in statuses):
                wrong[name] = statuses
        assert ID not in {line["request_id"] for line in server.log()}, name
    assert {} == wrong
    assert ID not in {line["request_id"] for line in server.log()}
    expected = "no 5xx, no answer that is not the caller's"
    figure("HTTP", f"{len(CASES)} malformed messages, {kind}", expected, "0 5xx, 0 mixed up")


def test_a_client_of_http_1_0_need_not_name_the_host(front):
    """HTTP/1.0 needs no Host, as some load balancers send none, and the proxies pass such requests on."""
    with socket.create_connection(("127.0.0.1", front.port), DEADLINE) as client:
        client.sendall(b"GET /health/ready HTTP/1.0\r\n\r\n")
        content, _ = receive(client, DEADLINE)

    ((status, _, _),) = split(content)[0]
    assert 200 == status


@pytest.mark.parametrize("kind", FRONTS[1:])
@pytest.mark.parametrize("path", HIDDEN)
def test_the_proxies_hide_what_tells_counts_however_it_is_spelt(behind, server, kind, path):
    """The proxies hide /metrics and other counts from callers, however the path is spelt."""
    front = behind(kind, server)
    with socket.create_connection(("127.0.0.1", front.port), DEADLINE) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        content, _ = receive(client, DEADLINE)

    assert b"mlservice_" not in content
    assert b"inference_count" not in content
    assert b" 200 " not in content.partition(b"\r\n")[0]


@pytest.mark.parametrize("kind", FRONTS[1:])
def test_the_proxies_hide_nothing_else_of_v2(behind, server, kind):
    """The proxies pass the model's own pages of V2."""
    front = behind(kind, server)
    with front.connect() as connection:
        paths = [
            "/v2/models/iris",
            "/v2/models/iris/versions/1",
            "/v2/models/iris/ready",
            "/v2/models/iris/versions/1/ready",
        ]
        assert {200} == {connection.ask("GET", path)[0] for path in paths}
        unknown = connection.ask("GET", "/v2/models/iris/versions/stats")
    assert (404, True) == (unknown[0], b"unknown_model" in unknown[2])
