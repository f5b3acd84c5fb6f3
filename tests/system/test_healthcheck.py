"""The image's health check, wherever the server listens."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.system.conftest import eventually


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "[::1]", "::1", "[::]"])
def test_a_healthy_server_is_healthy_at_any_address(launch, host):
    """With or without brackets, and at all addresses of the machine."""
    server = launch(HOST=host, WEB_CONCURRENCY="1")
    listening = r"Listening at: http://\S+:(\d+)"
    port = eventually(lambda: re.search(listening, server.errors), "listening").group(1)
    command = [sys.executable, "-m", "service.server.healthcheck", str(server.process.pid)]
    environ = {**os.environ, "HOST": host, "PORT": port}

    def healthy():
        return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode == 0

    assert eventually(healthy, "healthy")
    server.stop()
    assert not healthy()
