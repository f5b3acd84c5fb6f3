"""Alerts fire on what a real server says of real faults, and only those that should."""

import json
import os
import signal

from tests.badinput import JSON
from tests.system import sleeping
from tests.system.conftest import eventually
from tests.system.reliability.load import Load

SLOW = ("POST", "/predict", json.dumps(sleeping.sleeping(0.15)), JSON)
OVERLOADED = {
    "MLServiceAvailabilityBurnsFast",
    "MLServiceAvailabilityBurns",
    "MLServiceAvailabilityBurnsSlowly",
    "MLServiceLatencyBurnsFast",
    "MLServiceLatencyBurns",
    "MLServiceLatencyBurnsSlowly",
    "MLServiceShedding",
    "MLServiceSlotsBusy",
}
BROKEN = {"MLServiceWorkersLost", "MLServiceReloadFailed"}


def test_faults_of_a_server_fire_the_alerts_that_name_them(serve, sleeper, watch, tmp_path):
    """A slow model with too few slots, then killed workers and a bundle that is not there: no other alert fires."""
    bundle = tmp_path / "bundle"
    bundle.symlink_to(sleeper["bundle"])
    slots = {"WEB_CONCURRENCY": "2", "PREDICTION_SLOTS": "1", "QUEUE_SECONDS": "0.05"}
    server = serve(**{**sleeper, **slots, "bundle": bundle})
    prometheus = watch(server, holds="0s")
    eventually(
        lambda: prometheus.scraped() and not prometheus.alerts(), "a scrape, and that nothing is missing any more"
    )

    def firing():
        return {labels["alertname"] for labels in prometheus.alerts()}

    with Load(server.port, clients=8, request=SLOW):
        eventually(lambda: firing() >= OVERLOADED, "the alerts of overload")
    assert OVERLOADED == firing()

    for count in (1, 2, 3):
        killed = server.workers()[0]
        os.kill(killed, signal.SIGKILL)
        eventually(lambda killed=killed: server.without([killed]), "another worker")
        eventually(lambda count=count: prometheus.value("sum(mlservice_workers_lost_total)") == count, "the count")
    bundle.unlink()
    server.process.send_signal(signal.SIGHUP)

    eventually(lambda: firing() >= BROKEN, "the alerts of kills and of the reload")
    assert firing() <= OVERLOADED | BROKEN  # fewer slots are busy after the load
