"""deploy/compose.yaml on one engine by Docker Compose: all of it but for Grafana, whose image cannot be had here."""

import pytest

from tests.alerts import alerts
from tests.conftest import ROOT
from tests.system.conftest import Connection, eventually
from tests.system.prometheus.monitors import Alertmanager, Prometheus
from tests.system.reliability.load import ask
from tests.system.swarm import images
from tests.system.swarm.conftest import PORT, SETTLED

pytestmark = pytest.mark.swarm
ENGINES = ("only",)
SERVICES = ("nginx", "ml-service", "prometheus", "alertmanager")
FIRING = """
groups:
  - name: test
    rules:
      - alert: Watchdog
        expr: vector(1)
        labels: {severity: page}
"""


@pytest.fixture(scope="module")
def engine(machines):
    """Return an engine that has all images, and is not in a Swarm yet."""
    return machines[0]


@pytest.fixture(scope="module")
def up(engine, models, tmp_path_factory):
    """Bring the stack up, with a bundle from the disk and an alert that always fires; take it down at the end."""
    folder = tmp_path_factory.mktemp("compose")
    rules, extra = folder / "drift.yml", folder / "extra.yaml"
    rules.write_text(FIRING)
    extra.write_text(f"configs: {{drift: {{file: {rules}}}}}\n")
    names = ("compose.yaml", "compose.override.yaml", images.impatient(folder), extra)
    files = [option for name in names for option in ("--file", str(name))]

    def compose(*arguments):
        return images.compose(engine, *files, *arguments, MODEL=str(models / "2"))

    compose("up", "--detach", "--wait", *SERVICES)
    yield compose
    compose("down", "--volumes", "--timeout", "1")


def instances(engine):
    """Return the instances that Prometheus scrapes, if none of them is down."""
    targets = engine.inside(Prometheus(9090).data, "targets")["activeTargets"]
    return {each["scrapeUrl"] for each in targets if each["health"] == "up"} if targets else set()


def asked(number):
    """Ask for so many predictions; return the statuses and versions that came."""
    connection = Connection(PORT)
    answers = [ask(connection) for _ in range(number)]
    connection.raw.close()
    return {(answer.status, answer.version) for answer in answers}


@pytest.mark.parametrize("files", [(), ("compose.tokens.yaml",)], ids=["as it is", "with tokens"])
def test_the_files_are_valid_for_compose_and_for_swarm(engine, files):
    """Docker Compose and `docker stack` take them without a warning, but for what Swarm leaves out."""
    environ = {"TOKENS": str(ROOT / "README.md"), "METRICS_TOKEN": str(ROOT / "README.md")}
    both = [option for name in ("compose.yaml", "compose.override.yaml", *files) for option in ("--file", name)]
    swarm = [
        option for name in ("compose.yaml", "swarm.yaml", *files) for option in ("-c", str(ROOT / "deploy" / name))
    ]

    assert "" == images.compose(engine, *both, "config", "--quiet", err=True, **environ)
    assert "dnsrr" in engine.docker("stack", "config", *swarm, **environ)


def test_nginx_asks_every_replica_and_prometheus_sees_them_all(up, engine):
    """Three replicas are targets that are up, beside the rules of deploy/; each gets its share of requests."""
    prometheus = Prometheus(9090)
    eventually(lambda: len(instances(engine)) == 3, "three targets", SETTLED)
    assert {(200, "2")} == engine.inside(asked, 90), "the model that is mounted, not the image's"

    def counted():
        found = prometheus.query('sum by (instance) (mlservice_requests_total{protocol="native", code="ok"})')
        return [count for _, count in found]

    counts = eventually(lambda: sum(found := engine.inside(counted)) == 90 and found, "90 counted", SETTLED)
    rules = {rule["name"] for rule in engine.inside(prometheus.rules)}

    assert [30, 30, 30] == pytest.approx(counts, abs=9)
    assert {rule["alert"] for rule in alerts() if rule["alert"].startswith("MLServiceAvail")} <= rules


def test_an_alert_arrives_at_alertmanager(up, engine):
    """What fires in Prometheus is known to Alertmanager, by the address that the configuration has for it."""

    def arrived():
        labels = [alert["labels"] for alert in Alertmanager(9093).alerts()]
        return [each for each in labels if each["alertname"] == "Watchdog"]

    found = eventually(lambda: engine.inside(arrived), "the alert that always fires", SETTLED)

    assert ["page"] == [labels["severity"] for labels in found]


def test_more_and_fewer_replicas_lose_no_request(up, engine, watched):
    """`--scale` adds replicas, which get requests, and takes others away, which drain."""

    def scale(number):
        up("up", "--detach", "--no-recreate", "--wait", "--scale", f"ml-service={number}", *SERVICES)
        eventually(lambda: len(instances(engine)) == number, f"{number} targets", SETTLED)

    with watched(engine):
        scale(4)
        scale(3)
