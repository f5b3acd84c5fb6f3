"""A real S3 server (moto), and emulators of Google Cloud Storage and Azure Blob Storage, each behind a proxy."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.system.storage import servers
from tests.system.storage.proxy import Proxy, proxying

CLIENT = ROOT / ".venv-storage/python"  # obstore, for PYTHONPATH


@dataclass(frozen=True)
class Bucket:
    """A bucket of its own, reached through a proxy of its own."""

    name: str
    proxy: Proxy
    server: servers.Server

    @property
    def uri(self):
        return f"{self.server.scheme}://{self.name}/churn"

    @property
    def environ(self):
        """The variables of a client; no other machine is asked for credentials."""
        return {"PYTHONPATH": str(CLIENT), **self.server.environ(f"http://127.0.0.1:{self.proxy.port}")}

    def put(self, path, body=b""):
        self.server.put(self.name, path, body)

    def upload(self, bundle: Path):
        """Upload a bundle as people do: in the order of the names, so that the manifest comes before its files."""
        for path in sorted(bundle.iterdir()):
            self.put(f"/churn/{path.name}", path.read_bytes())


def start(starting, tmp_path_factory):
    with starting(tmp_path_factory.mktemp("storage") / "log") as server:
        yield server


@pytest.fixture(scope="session")
def s3(tmp_path_factory):
    """Start the S3 server."""
    yield from start(servers.s3, tmp_path_factory)


@pytest.fixture(scope="session")
def gs(tmp_path_factory):
    """Start fake-gcs-server."""
    yield from start(servers.gs, tmp_path_factory)


@pytest.fixture(scope="session")
def az(tmp_path_factory):
    """Start Azurite."""
    yield from start(servers.az, tmp_path_factory)


@pytest.fixture
def bucket(request):
    """Make a bucket in S3, or in the server that a test names."""
    server = request.getfixturevalue(getattr(request, "param", "s3"))
    with proxying(Proxy(server.port)) as proxy:
        made = Bucket(f"b{abs(hash(request.node.name))}", proxy, server)
        server.create(made.name)
        yield made
