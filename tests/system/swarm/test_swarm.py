"""The stack on a Swarm of three engines: updates, a broken model, a kill and a drained node lose no request."""

import hashlib
import json
import time
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.conftest import ROOT
from tests.system.conftest import Connection, eventually
from tests.system.reliability.load import PREDICT
from tests.system.swarm.conftest import PORT, SETTLED
from tests.system.swarm.images import SERVICE, impatient

pytestmark = pytest.mark.swarm
NAME = "ml-service_ml-service"
TOKEN, METRICS_TOKEN = "token-of-a-caller", "token-of-prometheus"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
ENGINES = ("one", "two", "three")


class Stack:
    """The stack of deploy/, on a Swarm whose only manager is the first engine."""

    def __init__(self, engines, folder):
        self.engines, self.manager = engines, engines[0]
        deploy = [ROOT / "deploy" / name for name in ("compose.yaml", "swarm.yaml", "compose.tokens.yaml")]
        self.files = [*deploy, impatient(folder)]
        self.tokens, self.metrics_token = folder / "tokens", folder / "metrics-token"
        hashes = [hashlib.sha256(token.encode()).hexdigest() for token in (TOKEN, METRICS_TOKEN)]
        self.tokens.write_text("".join(f"{each} somebody\n" for each in hashes))
        self.metrics_token.write_text(METRICS_TOKEN)

    def deploy(self, model):
        """Deploy the files of deploy/ with the image that has a model, and shorter times than theirs."""
        options = [option for path in self.files for option in ("--compose-file", path)]
        environ = {"IMAGE": f"{SERVICE}-{model}", "HEALTH_INTERVAL": "2s", "MONITOR": "3s"}
        environ |= {"TOKENS": str(self.tokens), "METRICS_TOKEN": str(self.metrics_token)}
        self.manager.docker("stack", "deploy", "--resolve-image", "never", *options, "ml-service", **environ)

    def update(self):
        """Return the state of the last update."""
        return self.manager.docker("service", "inspect", "--format", "{{with .UpdateStatus}}{{.State}}{{end}}", NAME)

    def nodes(self):
        """Return the node of each replica that runs, and is healthy."""
        options = ["--filter", "desired-state=running", "--format", "{{.Node}} {{.CurrentState}}"]
        lines = [line.split() for line in self.manager.docker("service", "ps", *options, NAME).splitlines()]
        return sorted(node for node, state, *_ in lines if state == "Running")

    def containers(self):
        """Return the containers of all replicas, each with its engine."""
        options = ["--quiet", "--filter", f"label=com.docker.swarm.service.name={NAME}"]
        return {found: engine for engine in self.engines for found in engine.docker("ps", *options).split()}


@pytest.fixture(scope="module")
def stack(machines, tmp_path_factory):
    """Join the engines, and deploy the first model to them."""
    manager, *workers = machines
    address = ("--advertise-addr", manager.address, "--listen-addr", manager.address)
    manager.docker("swarm", "init", *address)
    token = manager.docker("swarm", "join-token", "--quiet", "worker")
    for worker in workers:
        worker.docker("swarm", "join", "--token", token, "--advertise-addr", worker.address, manager.address)
    found = Stack(machines, tmp_path_factory.mktemp("stack"))
    found.deploy("1")
    eventually(lambda: ["one", "three", "two"] == found.nodes(), "a replica on each node", SETTLED)
    eventually(lambda: manager.inside(lambda: answers(**BEARER)) == 200, "nginx", SETTLED)
    yield found
    manager.docker("stack", "rm", "ml-service")


def answers(**headers):
    """Ask for a prediction; return the status."""
    connection = Connection(PORT)
    try:
        return connection.ask(*PREDICT, **headers)[0]
    except (OSError, HTTPException):  # it does not listen yet
        return 0
    finally:
        connection.raw.close()


def test_tokens_are_secrets_of_the_swarm(stack):
    """Callers need one, and Prometheus, which needs one too, scrapes every replica."""
    assert 401 == stack.manager.inside(answers)

    command = ("wget", "-q", "-O", "-", "http://127.0.0.1:9090/api/v1/targets")

    def scraped():
        with suppress(AssertionError, ValueError):  # Prometheus is not up yet
            (prometheus,) = stack.manager.docker("ps", "--quiet", "--filter", "name=ml-service_prometheus").split()
            targets = json.loads(stack.manager.docker("exec", prometheus, *command))["data"]["activeTargets"]
            return [each["health"] for each in targets] == ["up"] * 3
        return False

    eventually(scraped, "three targets that are up", SETTLED)


def test_an_update_to_a_new_model_loses_nothing(stack, watched):
    """One replica after the other is replaced, the new one first; at the end all answers are the new model's."""
    with watched(stack.manager, **BEARER) as asked:
        stack.deploy("2")
        eventually(lambda: stack.update() == "completed", "updated", SETTLED)
        eventually(lambda: len(stack.containers()) == 3, "the last replica of before is gone", SETTLED)
        switched = time.monotonic()

    assert {"1", "2"} == {answer.version for answer in asked.answers}
    assert {"2"} == {answer.version for answer in asked.answers if answer.at > switched}


def test_an_update_to_a_broken_model_is_rolled_back_by_itself(stack, watched):
    """The first replica of the broken model never gets healthy; the others are not touched, and it is replaced."""
    before = stack.containers().keys()
    with watched(stack.manager, **BEARER) as asked:
        stack.deploy("broken")
        eventually(lambda: stack.update() == "rollback_completed", "rolled back", SETTLED)
        eventually(lambda: len(stack.nodes()) == 3, "three replicas", SETTLED)

    assert 1 == len({answer.version for answer in asked.answers})
    assert len(before & stack.containers().keys()) >= 2


def test_a_killed_container_takes_no_request_with_it(stack, watched):
    """What it was computing, nginx asks of another replica; Swarm starts a new one in its place."""
    killed, engine = stack.containers().popitem()
    with watched(stack.manager, **BEARER):
        engine.docker("kill", killed)
        eventually(lambda: killed not in stack.containers(), "killed", SETTLED)
        eventually(lambda: len(stack.nodes()) == 3, "three replicas", SETTLED)


def test_a_drained_node_takes_no_request_with_it(stack, watched):
    """Its replica is stopped, and another one starts on one of the other nodes."""
    engine = stack.engines[2]
    with watched(stack.manager, **BEARER):
        stack.manager.docker("node", "update", "--availability", "drain", engine.name)
        eventually(lambda: engine not in stack.containers().values(), "drained", SETTLED)
        eventually(lambda: len(stack.nodes()) == 3, "three replicas", SETTLED)

    assert {"one", "two"} == set(stack.nodes())
