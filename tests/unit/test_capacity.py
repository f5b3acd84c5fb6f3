"""benchmarks.capacity: the plan, the page that is made of the figures, and a load that waits for nobody."""

import asyncio
import itertools
import threading
import time

import pytest

from benchmarks.capacity import arrivals, days, fronts, page, plan
from benchmarks.capacity.figures import BOUND, read
from tests.conftest import ROOT

AGAIN = "make bench-capacity SIMULATE=1"


@pytest.fixture(scope="module")
def figures():
    return read(page.FIGURES)


@pytest.mark.parametrize(
    ("rate", "full", "knee", "expected"),
    [
        (0.1, 1000, 900, 2),  # one would do, two survive the loss of one
        (700, 1000, 900, 2),
        (701, 1000, 900, 3),
        (7000, 1000, 900, 12),  # the headroom's eleven keep only seven if a zone goes: 6,300/s at the knee
        (7000, 1000, 999, 12),
        (7000, 1000, 2000, 11),
    ],
)
def test_pods_keep_the_headroom_without_one_of_them_and_the_knee_without_a_zone(rate, full, knee, expected):
    """The larger of the two numbers, two at least."""
    assert expected == plan.pods(rate, full, knee)


def test_a_million_requests_cost_the_time_that_they_take_at_the_planned_share():
    """1,000 requests/s at most, 700 planned: a million takes 0.397 hours of the instance."""
    assert pytest.approx(0.1 * 1e6 / 700 / 3600) == plan.cost_of_a_million(0.1, 1000)


def test_the_page_shows_the_figures_that_were_measured(figures):
    """No number of a table of docs/scale.md is written by hand."""
    text = page.PAGE.read_text()

    assert page.filled(text, figures) == text, AGAIN
    assert text.count("<!-- table: ") == len(page.TABLES)


def test_the_simulated_days_are_those_of_the_manifest(figures):
    """A change of hpa.yaml or of the simulation makes them anew."""
    quick = [each for each in days.SCENARIOS if each.faster > 1]

    assert quick
    assert all(days.day(figures, each) in figures.days for each in quick), AGAIN


def test_the_criteria_hold_in_what_was_measured(figures):
    """Two replicas do 1.8 times what one does (K4); a real day is served without oscillation or overload (K5)."""
    real = [each for each in figures.days if each.faster == 1 and each.pods[1] < each.most]

    assert all(each.two >= 1.8 * each.one for each in figures.pairs)
    assert real
    assert {0} == {each.overloaded for each in real}
    assert all(each.oscillation <= 1 for each in figures.days)
    assert all(each.knee_p99 <= BOUND for each in figures.replicas)


def test_tls_is_added_to_the_proxy_as_it_is_deployed(tmp_path):
    """The measured HAProxy is that of deploy/, but for its certificate."""
    fronts.KINDS["HAProxy"](tmp_path, 1, [2], tls=True)
    deployed = (ROOT / "deploy/haproxy/haproxy.cfg").read_text()

    assert [f" ssl crt {tmp_path}/both.pem"] == [
        ours.removeprefix(theirs)
        for ours, theirs in zip((tmp_path / "haproxy.cfg").read_text().split("\n"), deployed.split("\n"), strict=True)
        if ours != theirs
    ]


ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def pausing():
    """Answer each request at once, but for a pause of 50 ms before the twentieth; yields the port."""
    answered, connections = itertools.count(1), []

    async def answer(reader, writer):
        connections.append(asyncio.current_task())
        while await reader.read(65536):
            if next(answered) == 20:
                time.sleep(0.05)  # noqa: ASYNC251  # everybody waits: that is the pause
            writer.write(ANSWER)
        writer.close()
        await writer.wait_closed()

    async def stop():
        server.close()
        await asyncio.gather(*connections)
        loop.call_soon(loop.stop)

    with asyncio.Runner() as runner:
        server = runner.run(asyncio.start_server(answer, "127.0.0.1", 0))
        loop = runner.get_loop()
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        yield server.sockets[0].getsockname()[1]
        asyncio.run_coroutine_threadsafe(stop(), loop)
        thread.join()


def test_a_pause_of_the_server_counts_for_each_request_that_came_meanwhile(pausing):
    """No coordinated omission: a fifth of the requests comes in the pause, so that many are slow, not one."""
    contents = arrivals.requests(pausing, "/predict", [b"{}", b"[]"])
    found = arrivals.offer(pausing, contents, rate=400, seconds=0.25)

    assert 0 == found.failed
    assert 30 <= found.p99
    assert (len(contents[0]), len(ANSWER)) == (found.sent, found.received)
