"""Public tools that read the document, in an environment of their own, against real servers."""

import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.system.conftest import eventually
from tests.system.openapi.bundles import PACK

TOOLS = ROOT / ".venv-openapi/bin"
PROGRAMS = ROOT / "tests/openapi"
SEED = 15


def use(tool, *arguments, folder, succeeds=True, **environ):
    """Run a tool in a folder; return what it printed. With a failure, what it says is shown."""
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    environ = {
        **kept,
        "PYTHONPATH": str(folder),
        "PATH": f"{TOOLS}:{os.environ['PATH']}",
        **{name: str(value) for name, value in environ.items()},
    }
    command = [TOOLS / tool, *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, check=False)
    output = done.stdout.decode()
    assert not succeeds or done.returncode == 0, f"{output}\n{done.stderr.decode()}"
    return output


def document_of(server, token=None):
    """Return the document of a server, as a caller with a token gets it."""
    with server.connect() as connection:
        status, _, body = connection.ask(
            "GET", "/openapi.json", **({"Authorization": f"Bearer {token}"} if token else {})
        )
    assert status == 200, body
    return body


@dataclass(frozen=True)
class Packed:
    """A model's bundle, and the file with what its estimator says of some rows."""

    bundle: Path
    expected: Path

    @property
    def said(self):
        return json.loads(self.expected.read_text())


@pytest.fixture
def packed(make_once):
    """Pack one of the five models by its name."""

    def make(name):
        folder = make_once("-c", PACK, name)
        return Packed(folder / "bundle", folder / "expected.json")

    return make


@dataclass(frozen=True)
class Explored:
    """What a run of Schemathesis found: its report, and what it printed."""

    report: dict
    output: str

    @property
    def failures(self):
        """What failed, and where."""
        found = [(each["title"], *each["operations"]) for each in self.report["failures"]]
        return found + self.report["errors"] + ([] if self.report["complete"] else ["incomplete"])

    @property
    def count(self):
        """How many requests were made and checked."""
        return self.report["test_cases"]["generated"]


@pytest.fixture
def explore(tmp_path):
    """Run Schemathesis with all its checks on a server of a model.

    Without the phase of sequences: the document has no links, and Schemathesis would guess some from names.
    """

    def run(server, model, *options, token=None, **settings):
        report, config = tmp_path / "report.json", tmp_path / "schemathesis.toml"
        config.write_text(f'[auth.openapi]\ntoken = {{ bearer = "{token}" }}\n' if token else "")
        document = tmp_path / "document.json"
        document.write_bytes(document_of(server, token))
        output = use(
            "st",
            *("--config-file", config, "run", document, "--url", f"http://127.0.0.1:{server.port}"),
            *("--checks", "all", "--phases", "examples,coverage,fuzzing", "--seed", SEED, "--continue-on-failure"),
            *("--report", "json", "--report-json-path", report, "--no-color", *options),
            folder=tmp_path,
            succeeds=False,
            SCHEMATHESIS_HOOKS=PROGRAMS / "hooks.py",
            ROWS=model.expected,
            **settings,
        )
        assert report.exists(), output
        return Explored(json.loads(report.read_text()), output)

    return run


@pytest.fixture
def serve_with_token(launch, packed, tmp_path):
    """Start a server of iris that takes a single token."""

    def start(token):
        path = tmp_path / "tokens"
        path.write_text(hashlib.sha256(token.encode()).hexdigest())
        server = launch(packed("iris").bundle, TOKENS_FILE=str(path))
        server.wait_until_listening()
        eventually(lambda: server.ready() == 200, "ready")
        return server

    return start


@pytest.fixture
def validate(tmp_path):
    """Check the document of a server as OpenAPI 3.1, its schemas and its examples; return what is found."""

    def check(server, token=None):
        (tmp_path / "openapi.json").write_bytes(document_of(server, token))
        return json.loads(use("python", PROGRAMS / "validate.py", tmp_path / "openapi.json", folder=tmp_path))

    return check
