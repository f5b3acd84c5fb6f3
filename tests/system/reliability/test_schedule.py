"""A random schedule of reloads, kills, drains, broken bundles, floods and slow clients; a checker of every answer."""

import os
import random
import secrets
import sys
from collections import Counter

import pytest

from tests.dialecttable import VERTEX
from tests.system.conftest import launching
from tests.system.reliability import checker, twomodels
from tests.system.reliability.clients import Clients
from tests.system.reliability.figures import scaled
from tests.system.reliability.schedule import Schedule
from tests.system.reliability.timeline import Timeline

ENVIRON = {"MODEL_NAME": "case", "PREDICT_ROUTE": VERTEX, "LOG_ROWS": "1"}
SHOWN, AROUND_SECONDS = 20, 3.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def right(tmp_path_factory, folder):
    """Return what each model answers, checked against scikit-learn, by version and kind."""
    said, found = twomodels.make(folder), {}
    for version in twomodels.VERSIONS:
        with launching(tmp_path_factory, folder / version) as launch:
            server = launch(WEB_CONCURRENCY="1", **ENVIRON)
            server.wait_until_ready()
            found[version] = twomodels.learn(server, version, said[version])
    return found


def test_every_answer_is_that_of_a_model_that_was_served_and_all_counts_add_up(serve, folder, right, figure, capsys):
    """Each answer is of a model served then, and counts add up; SCHEDULE_SEED and SCHEDULE_SECONDS set the schedule."""
    seed = os.environ.get("SCHEDULE_SEED") or secrets.token_hex(4)
    seconds = float(os.environ.get("SCHEDULE_SECONDS") or scaled(600, 30))
    with capsys.disabled():
        sys.stdout.write(f"\nSCHEDULE_SEED={seed} ")
    (folder / "bundle").symlink_to(folder / "1")
    watch = random.Random(f"watch-{seed}").choice(["0", "0.3"])
    server = serve(folder / "bundle", WEB_CONCURRENCY="2", READ_SECONDS="5", WATCH_SECONDS=watch, **ENVIRON)
    timeline, clients = Timeline(server, "1", 2), Clients(server.port, seed, right)
    schedule = Schedule(server, folder, timeline, clients, seed)
    with timeline, clients:
        schedule.run(seconds)

    with server.connect() as connection:
        metrics = connection.ask("GET", "/metrics")[2].decode()
    said = checker.told(server.out.read_bytes(), metrics)
    faults = [(0.0, each) for each in clients.odd]
    found = ((each, checker.fault(each, timeline)) for each in clients.asked)
    faults += [(each.at, f"{each} {why}") for each, why in found if why]
    faults += [(0.0, each) for each in checker.faults_of_the_log(clients.asked, right, said)]
    faults += [(0.0, each) for each in checker.faults_of_the_counts(clients.asked, said)]
    report(figure, seconds, schedule, clients, timeline)
    assert not faults, story(seed, faults, [*schedule.done, *timeline.said])


def story(seed, faults, events):
    """Return what was wrong, and what else happened at that time."""
    lines = [f"SCHEDULE_SEED={seed}, {len(faults)} faults:"]
    lines += [f"{at:.3f} {each}" for at, each in faults[:SHOWN]]
    around = [at for at, _ in faults[:SHOWN]]
    lines += [
        f"{at:.3f} {what}" for at, what in sorted(events) if any(abs(at - each) < AROUND_SECONDS for each in around)
    ]
    return "\n".join(lines)


def report(figure, seconds, schedule, clients, timeline):
    """Write the figures of a schedule."""
    answers = Counter(asked.status for asked in clients.asked)
    lost, busy = answers[0], answers[503]
    what = (
        f"{seconds:.0f} s at random: {timeline.ok} reloads, {len(timeline.failed)} refused, {len(timeline.kills)} kills"
    )
    expected = "each answer right, of a model served then; lost only with a killed worker; counts and log agree"
    measured = f"{sum(answers.values()):,} requests, all so; {lost} lost, {busy} told that it is busy or drains"
    figure("Schedule", what, expected, measured)
