"""The application in this process, called through Flask's client, in the words of its users."""

import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from weakref import WeakSet

import pytest

from model.loading import load
from model.packing import pack as packing
from model.predictor import Predictor
from service.assembly import assemble
from service.config.settings import Settings
from service.http.app import create_app
from service.serving.fetch import policy_of
from service.serving.served_model import ServedModel
from service.serving.tokens_file import read_hashes
from tests import loglines
from tests.badinput import JSON
from tests.samples import sample


class Server:
    """An application with its settings and its log's lines at hand."""

    made: ClassVar[WeakSet["Server"]] = WeakSet()

    def __init__(self, bundle: Path, **environ: str) -> None:
        self.checked = 0  # lines
        self.bundle = bundle
        self.lines: list[bytes] = []
        self.settings = Settings.from_env(environ)
        loaded = load(bundle)
        policy = policy_of(self.settings, loaded)
        served = ServedModel.of(loaded, 1e9, self.settings.max_rows, self.settings.model_name, policy)
        hashes = self.settings.tokens_file and read_hashes(self.settings.tokens_file)
        services = assemble(self.settings, served, hashes, self.lines.append)
        self.metrics, self.model, self.auth = services.metrics, services.model, services.auth
        self.app = create_app(services)
        self.client = self.app.test_client()
        self.made.add(self)

    def predict(self, document, **headers):
        return self.client.post("/predict", data=json.dumps(document), content_type=JSON, headers=headers)

    def compute_with(self, engine):
        """Serve the same model, computed by another engine."""
        served = self.model.current
        self.model.current = replace(served, predictor=Predictor(replace(served.loaded, engine=engine)))

    def logged(self):
        return [json.loads(line) for line in self.lines]

    def check_log(self):
        """Check the lines that were written since it was checked last."""
        lines, self.checked = self.lines[self.checked :], len(self.lines)
        native = self.settings.log_format == "native"
        lines = [line for each in lines for line in each.splitlines(keepends=True)]
        assert [] == [fault for line in lines for fault in loglines.faults(line, native=native)]

    def metric(self, name, **labels):
        return sample(self.metrics, name, **labels)


@pytest.fixture(autouse=True)
def _every_line_is_as_the_schema_says():
    """Whatever a test asks of a server, each line that it writes is as docs/prediction-log.schema.json says."""
    yield
    for server in tuple(Server.made):
        server.check_log()


@pytest.fixture(scope="package", autouse=True)
def _own_code_is_not_proven_in_a_new_process():
    """Save the seconds that it takes for each such model: tests/unit/test_own_code_at_packing.py shows the proof."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "prove_in_fresh_process", lambda *_: None)
        yield


@pytest.fixture
def serve(iris_bundle):
    """Make a server of a bundle (the reference model's by default) with the given settings."""
    return lambda bundle=iris_bundle, **environ: Server(bundle, **environ)


@pytest.fixture
def server(serve):
    return serve()
