"""Prometheus and Alertmanager as processes, with the configuration of deploy/prometheus and shorter times."""

import json
import re
import shutil
import socket
import subprocess
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from urllib.parse import urlencode

import yaml

from tests.conftest import ROOT
from tests.system.conftest import DEADLINE, end, eventually

DEPLOY = ROOT / "deploy/prometheus"
FORM = "application/x-www-form-urlencoded"


def program(name):
    """Return the path of a program; one that is missing fails the test."""
    found = shutil.which(name)
    assert found, f"{name} is not installed: `make test-prometheus` installs it when run as root"
    return found


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def promtool(*arguments, given=None):
    """Run promtool; return whether it is content, and what it said."""
    command = [program("promtool"), *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, timeout=DEADLINE * 2, check=False)
    return done.returncode == 0, (done.stdout + done.stderr).decode()


class Api:
    """What answers JSON on a port of this machine."""

    def __init__(self, port):
        self.port = port

    def ask(self, path, **form):
        """Ask a path, by POST if there is a form; return the status and the document."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=DEADLINE)
        try:
            method, body = ("POST", urlencode(form, doseq=True)) if form else ("GET", None)
            connection.request(method, path, body, {"Content-Type": FORM})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def ready(self):
        with suppress(OSError, HTTPException):
            return self.ask("/-/ready")[0] == 200
        return False


class Prometheus(Api):
    """A running Prometheus: its answers to PromQL."""

    def data(self, path, **form):
        """Return what an API path answers; a query that is refused fails the test."""
        status, body = self.ask(f"/api/v1/{path}", **form)
        assert status == 200, f"{form}: {body.decode()}"
        return json.loads(body)["data"]

    def query(self, expression, **form):
        """Return the samples of an instant query: labels and value of each; a scalar is one without labels."""
        found = self.data("query", query=expression, **form)
        if found["resultType"] == "scalar":
            return [({}, float(found["result"][1]))]
        return [(each["metric"], float(each["value"][1])) for each in found["result"]]

    def value(self, expression, **form):
        """Return the one value of a query, None if there is none."""
        samples = self.query(expression, **form)
        assert len(samples) <= 1, f"{expression}: {samples}"
        return samples[0][1] if samples else None

    def range(self, expression, start, end, step=1):
        """Return what a range query found, by series: labels, and pairs of time and value."""
        found = self.data("query_range", query=expression, start=start, end=end, step=step)["result"]
        return [(each["metric"], [(at, float(value)) for at, value in each["values"]]) for each in found]

    def series(self, selector):
        """Return the label sets of the series that a selector names."""
        return self.data("series", **{"match[]": selector})

    def rules(self):
        return [rule for group in self.data("rules")["groups"] for rule in group["rules"]]

    def alerts(self, state="firing"):
        """Return the labels of the alerts in a state."""
        return [each["labels"] for each in self.data("alerts")["alerts"] if each["state"] == state]

    def scraped(self):
        """Whether every target was scraped, and every rule was evaluated since it first was."""
        targets = self.data("targets")["activeTargets"]
        return targets and {each["health"] for each in targets} == {"up"} and self.query("ALERTS or vector(0)")


class Alertmanager(Api):
    """A running Alertmanager."""

    def alerts(self):
        """Return the labels and annotations of what it was sent."""
        return json.loads(self.ask("/api/v2/alerts")[1])


@contextmanager
def running(command, output, api, name):
    """Run a program until the end of the block; it starts once it says that it is ready."""
    with output.open("wb") as written:
        process = subprocess.Popen(command, stdout=written, stderr=written)

    def ready():
        assert process.poll() is None, output.read_text()
        return api.ready()

    try:
        eventually(ready, f"{name} is ready", deadline=2 * DEADLINE)
        yield api
    finally:
        end(process)


def with_option(text, key):
    """Return a configuration in which an option is no longer a comment."""
    block = re.compile(rf"^( *)# {key}:.*(?:\n\1#   .*)*", re.MULTILINE)
    assert block.search(text), key
    return block.sub(lambda found: found[0].replace(f"{found[1]}# ", found[1]), text)


def configure(folder: Path, targets, *, alertmanager=9, holds=None, credentials=None):
    """Write deploy's configuration to a folder, with these targets and a second for each of its intervals.

    `holds` replaces how long each alert must hold before it fires; `credentials` is the file with the token.
    Return the path.
    """
    shutil.copytree(DEPLOY, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("tests"))
    (folder / "targets.yml").write_text(yaml.safe_dump([{"targets": targets}]))
    text = (DEPLOY / "prometheus.yml").read_text()
    document = yaml.safe_load(with_option(text, "authorization") if credentials else text)
    document["global"] |= {"scrape_interval": "1s", "evaluation_interval": "1s"}
    document["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"localhost:{alertmanager}"]
    if credentials:
        document["scrape_configs"][0]["authorization"]["credentials_file"] = str(credentials)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(document))
    if holds:
        for path in (folder / "rules").glob("*.yml"):
            path.write_text(re.sub(r"^( +for:) .*$", rf"\1 {holds}", path.read_text(), flags=re.MULTILINE))
    return folder / "prometheus.yml"


@contextmanager
def prometheus(config):
    """Run Prometheus with a configuration; its data lie beside it."""
    api, folder = Prometheus(free_port()), config.parent
    command = [
        program("prometheus"),
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{api.port}",
        "--enable-feature=exemplar-storage",
    ]
    with running(command, folder / "output", api, "Prometheus"):
        yield api


@contextmanager
def alertmanager(config):
    """Run Alertmanager alone, without a cluster."""
    api, folder = Alertmanager(free_port()), config.parent
    command = [
        program("prometheus-alertmanager"),
        f"--config.file={config}",
        f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{api.port}",
        "--cluster.listen-address=",
    ]
    with running(command, folder / "output", api, "Alertmanager"):
        yield api
