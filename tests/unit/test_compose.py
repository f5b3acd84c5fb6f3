"""The Compose files of deploy/ keep the rules of a server that is stopped, replaced and attacked."""

import re

import pytest
import yaml

from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"


def read(path):
    return yaml.safe_load((DEPLOY / path).read_text())


COMPOSE, OVERRIDE, SWARM = read("compose.yaml"), read("compose.override.yaml"), read("swarm.yaml")
SERVICES = COMPOSE["services"]


def seconds(text):
    """Return the seconds of a duration, or those of the default of a variable that stands for one."""
    return float(re.search(r"([\d.]+)s", text)[1])


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_confined_and_limited(name):
    """Read-only, without capabilities but what nginx needs, with limits and a health check, a tag for its version."""
    service = SERVICES[name]

    assert service["read_only"]
    assert ["ALL"] == service["cap_drop"]
    assert name == "nginx" or "cap_add" not in service
    assert {"cpus", "memory"} <= service["deploy"]["resources"]["limits"].keys()
    assert service["healthcheck"]
    assert name == "ml-service" or re.search(r":v?\d+\.\d+\.\d+$", service["image"])


def test_only_nginx_is_published_and_the_monitors_on_loopback():
    """Swarm knows no loopback: what is published there is published to everybody, so that is nginx alone."""
    published = {name for name, service in SERVICES.items() if "ports" in service}
    in_swarm = {name for name, service in SWARM["services"].items() if "ports" in service}
    here = {name: service["ports"] for name, service in OVERRIDE["services"].items() if "ports" in service}

    assert {"nginx"} == published == in_swarm
    assert {"prometheus", "alertmanager", "grafana"} == here.keys()
    assert all(port.startswith("127.0.0.1:") for ports in here.values() for port in ports)


def test_the_service_is_reached_by_nginx_and_prometheus_only():
    """Its network leads nowhere else, and callers are on another one."""
    inside = {name for name, service in SERVICES.items() if "serving" in service["networks"]}

    assert ["serving"] == SERVICES["ml-service"]["networks"]
    assert {"nginx", "ml-service", "prometheus"} == inside
    assert COMPOSE["networks"]["serving"]["internal"]


def test_a_replica_drains_longer_than_its_address_is_known_and_stops_before_it_is_killed():
    """The proxy forgets an address within `valid`; drain and grace end before Docker kills."""
    service = SERVICES["ml-service"]
    drain, grace = (int(service["environment"][f"{name}_SECONDS"]) for name in ("DRAIN", "GRACE"))
    backends = SERVICES["nginx"]["environment"]["NGINX_BACKENDS"]

    assert drain >= 3 * seconds(re.search(r"valid=(\S+)", backends)[1])
    assert drain + grace + 1 < seconds(service["stop_grace_period"])


def test_nginx_repeats_what_found_no_connection_and_not_what_is_slow():
    """A timeout is repeated within `proxy_next_upstream_timeout` only, which a slow request has used up."""
    text = (DEPLOY / "nginx/ml-service.conf.template").read_text()
    timeouts = dict(re.findall(r"proxy_(\w+)_timeout (\d+)s;", text))
    connect, send, read, repeat = (int(timeouts[name]) for name in ("connect", "send", "read", "next_upstream"))

    assert "proxy_next_upstream error timeout non_idempotent;" in text
    assert connect < repeat <= min(send, read)


def test_a_full_or_draining_replica_is_not_ended_for_it():
    """Swarm ends what is unhealthy, and a server that is full is not ready: it has a minute."""
    health = SERVICES["ml-service"]["healthcheck"]

    assert "test" not in health, "the image's own"
    assert health["retries"] * seconds(health["interval"]) >= 60


def test_updates_start_the_new_replica_first_and_go_back_by_themselves():
    """The next replica waits for this one's health; nginx has an address for each of them."""
    deploy = SWARM["services"]["ml-service"]["deploy"]
    update = deploy["update_config"]

    assert (1, "start-first", "rollback") == tuple(update[key] for key in ("parallelism", "order", "failure_action"))
    assert (1, "start-first") == tuple(deploy["rollback_config"][key] for key in ("parallelism", "order"))
    assert {"dnsrr"} == {service["deploy"]["endpoint_mode"] for service in SWARM["services"].values()}
    assert SERVICES.keys() == SWARM["services"].keys()


def test_prometheus_is_configured_as_elsewhere_but_for_addresses():
    """The configuration of deploy/prometheus, with names in the place of localhost and of a file of targets."""
    here, there = read("compose/prometheus.yml"), read("prometheus/prometheus.yml")
    targets = here["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"]
    (job,), (reference,) = here.pop("scrape_configs"), there.pop("scrape_configs")
    admin = SERVICES["ml-service"]["environment"]["ADMIN_BIND"].rpartition(":")[2]

    assert ["alertmanager:9093"] == targets
    there["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = targets
    assert here == there
    assert job["job_name"] == reference["job_name"]
    assert (["ml-service"], int(admin)) == tuple(job["dns_sd_configs"][0][key] for key in ("names", "port"))


def test_grafana_is_configured_as_elsewhere_but_for_the_address():
    """The data source of deploy/grafana with another name for Prometheus."""
    here, there = read("compose/datasource.yml"), read("grafana/provisioning/datasources/prometheus.yml")
    here["datasources"][0]["url"] = there["datasources"][0]["url"]

    assert here == there


def test_every_rule_and_dashboard_is_given():
    """A new file of rules, or a new dashboard, has a config here, and a service that takes it."""
    given = {(DEPLOY / config["file"]).resolve() for config in COMPOSE["configs"].values()}
    taken = {config["source"] for service in SERVICES.values() for config in service.get("configs", [])}

    assert {*DEPLOY.glob("prometheus/rules/*.yml"), *DEPLOY.glob("grafana/dashboards/*.json")} <= given
    assert COMPOSE["configs"].keys() == taken
    assert all(path.is_file() for path in given)
