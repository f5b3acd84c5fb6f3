"""Two versions behind one proxy: canary, blue and green, and shadow, as deploy/ configures them."""

import os
import re
import signal
from collections import Counter
from contextlib import contextmanager

import pytest

from tests.system.conftest import eventually
from tests.system.reliability.load import Load, ask
from tests.system.reliability.rollouts import CANARIES, SHADOWS

REQUESTS, PERCENT = 2_000, 10
SLOWEST = 1.0  # seconds; a copy may take five


@pytest.fixture
def versions(serve, second):
    """Start a server of each of two versions."""
    return serve(WEB_CONCURRENCY="1"), serve(second, WEB_CONCURRENCY="1")


def ask_all(front, count):
    """Send requests whose ids are numbers, so that each run shares them out alike; return the answers."""
    with front.connect() as connection:
        return [ask(connection, **{"X-Request-ID": f"request-{place}"}) for place in range(count)]


def served_version(server):
    """Return the version of a scrape, by which Prometheus compares the two."""
    with server.connect() as connection:
        _, _, body = connection.ask("GET", "/metrics")
    return re.search(r'^mlservice_model_info\{.*version="(\d+)".*\} 1', body.decode(), re.MULTILINE).group(1)


@pytest.mark.parametrize("kind", CANARIES)
def test_a_canary_gets_its_share_of_the_requests(versions, tmp_path, kind):
    """Within two percent of all requests; answers, metrics and logs say which version it was."""
    stable, canary = versions
    with CANARIES[kind](tmp_path, stable.port, canary.port, PERCENT) as rollout:
        answers = ask_all(rollout.front, REQUESTS)

    shares = Counter(answer.version for answer in answers)
    assert {200} == {answer.status for answer in answers}
    assert abs(shares["2"] / REQUESTS - PERCENT / 100) < 0.02
    assert ["1", "2"] == [served_version(server) for server in versions]
    assert [shares["1"], shares["2"]] == [server.metric("rows_total") for server in versions]
    assert [shares["1"], shares["2"]] == [len(server.log()) for server in versions]
    assert [{"1"}, {"2"}] == [{line["model"]["version"] for line in server.log()} for server in versions]


@pytest.mark.parametrize("kind", CANARIES)
def test_all_requests_go_over_to_the_other_version_and_back(versions, tmp_path, kind):
    """Blue and green: the proxy is told while requests come, and none of them fails.

    nginx closes the idle connections of clients when it is told, so each request has one of its own.
    """
    stable, canary = versions
    with CANARIES[kind](tmp_path, stable.port, canary.port, 1) as rollout:

        def switched(share, version):
            rollout.set_share(share)
            before = len(load.answers)
            eventually(
                lambda: len(last := load.answers[before:][-50:]) == 50 and {version} == {each.version for each in last},
                f"all requests go to version {version}",
            )

        with Load(rollout.front.port, clients=4, rate=200, Connection="close") as load:
            switched(100, "2")
            switched(0.01 if kind == "nginx" else 0, "1")

    assert {200} == load.statuses()


@pytest.mark.parametrize("kind", CANARIES)
def test_a_canary_that_is_dead_takes_nobody_with_it(versions, tmp_path, kind):
    """If the canary is dead, its share goes to the stable version."""
    stable, canary = versions
    with CANARIES[kind](tmp_path, stable.port, canary.port, 50) as rollout:
        assert {"1", "2"} == {answer.version for answer in ask_all(rollout.front, 20)}
        end(canary)
        answers = ask_all(rollout.front, 200)

    assert {(200, "1")} == {(answer.status, answer.version) for answer in answers}


def end(server):
    """End a server's processes at once."""
    for process in (*server.workers(), server.process.pid):
        os.kill(process, signal.SIGKILL)
    server.process.wait()


@contextmanager
def stopped(server):
    """Stop a server's processes for the length of the block: connections to it are accepted, and nobody answers."""
    processes = [server.process.pid, *server.workers()]
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


@pytest.mark.parametrize("kind", SHADOWS)
def test_a_shadow_gets_each_request_and_nobody_sees_its_answer(versions, tmp_path, kind):
    """A shadow gets each request with the same id, so that both logs can be compared line by line."""
    live, shadow = versions
    with SHADOWS[kind](tmp_path, live.port, shadow.port) as front:
        answers = ask_all(front, 100)
        eventually(lambda: len(shadow.log()) == 100, "the shadow has answered")
        with front.connect() as connection:
            assert 200 == connection.ask("GET", "/model")[0]

    assert {(200, "1")} == {(answer.status, answer.version) for answer in answers}
    ids, inputs = ([line[member] for line in live.log()] for member in ("request_id", "inputs"))
    copied = {line["request_id"]: line for line in shadow.log()}
    assert inputs == [copied[each]["inputs"] for each in ids]
    assert {"2"} == {line["model"]["version"] for line in copied.values()}


@pytest.mark.parametrize("kind", SHADOWS)
@pytest.mark.parametrize("fault", ["dead", "silent", "refusing"])
def test_what_becomes_of_a_shadow_is_invisible(serve, second, tmp_path, kind, fault):
    """If the shadow is dead, stopped or refuses everything, no caller gets another answer, or a late one."""
    live, shadow = serve(WEB_CONCURRENCY="1"), serve(second, WEB_CONCURRENCY="1", MAX_BODY_BYTES="1")
    with (
        SHADOWS[kind](tmp_path, live.port, shadow.port) as front,
        FAULTS[fault](shadow),
        Load(front.port, clients=4, rate=200) as load,
    ):
        eventually(lambda: len(load.answers) >= 400, "400 answers")

    assert {(200, "1")} == {(answer.status, answer.version) for answer in load.answers}
    assert max(answer.seconds for answer in load.answers) < SLOWEST


@contextmanager
def dead(server):
    """End the shadow."""
    end(server)
    yield


@contextmanager
def refusing(server):
    """Check, in the end, that a server has refused its requests."""
    yield
    eventually(lambda: "body_too_large" in {line["code"] for line in server.log()}, "the shadow has refused")


FAULTS = {"dead": dead, "silent": stopped, "refusing": refusing}
