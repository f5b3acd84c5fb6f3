"""The query by which KEDA scales (deploy/kubernetes/components/keda), asked of Prometheus about a real server."""

import json
from math import ceil

import yaml

from tests.badinput import JSON
from tests.conftest import ROOT
from tests.system.conftest import eventually
from tests.system.reliability.load import Load
from tests.system.sleeping import sleeping

MANIFEST = ROOT / "deploy/kubernetes/components/keda/scaledobject.yaml"
CPU = 'sum(rate(mlservice_worker_cpu_seconds_total{worker!="master"}[1m])) / sum(mlservice_workers_configured)'


def test_a_model_that_waits_gets_further_pods_at_little_cpu(serve, sleeper, watch):
    """The autoscaler of the base would leave it alone: what its callers wait for is not the CPU."""
    (trigger,) = (
        each["metadata"]
        for each in yaml.safe_load(MANIFEST.read_text())["spec"]["triggers"]
        if "prometheus" == each["type"]
    )
    server = serve(**sleeper, WEB_CONCURRENCY="2")
    prometheus = watch(server)
    query = trigger["query"].replace("ml-service/default/ml-service", "ml-service")

    def pods():
        demand = prometheus.value(query)
        return None if demand is None else ceil(demand / float(trigger["threshold"]))

    eventually(lambda: 0 == pods(), "a scrape of the server, which nobody asks")
    with Load(server.port, clients=16, request=("POST", "/predict", json.dumps(sleeping(0.2)), JSON)):
        eventually(lambda: pods() >= 2, "a number of pods")
        cpu = prometheus.value(CPU)

    assert cpu < 0.5
