"""The configuration of deploy/prometheus reaches servers with tokens and with an address for administrators."""

import hashlib

from tests.system.conftest import eventually
from tests.system.prometheus.monitors import DEPLOY, free_port, promtool, with_option


def test_promtool_accepts_the_configuration():
    """With all files that it names."""
    content, said = promtool("check", "config", "--lint-fatal", DEPLOY / "prometheus.yml")

    assert content, said


def test_promtool_accepts_discovery_by_dns(tmp_path):
    """The option stands in the file as a comment."""
    path = tmp_path / "prometheus.yml"
    path.write_text(with_option((DEPLOY / "prometheus.yml").read_text(), "dns_sd_configs"))

    assert "names:" in path.read_text().replace("# ", "")
    assert promtool("check", "config", path)[0]


def test_a_server_with_tokens_and_an_address_for_administrators_is_scraped(launch, watch, tmp_path):
    """With the option for a token, at that address only; without, the target is down and an alert says so."""
    tokens, token, port = tmp_path / "tokens", tmp_path / "token", free_port()
    tokens.write_text(hashlib.sha256(b"for-prometheus").hexdigest())
    token.write_text("for-prometheus")
    server = launch(WEB_CONCURRENCY="1", TOKENS_FILE=str(tokens), ADMIN_BIND=f"127.0.0.1:{port}")
    server.wait_until_listening()
    eventually(lambda: server.ready() == 200, "ready")
    admin, public = f"127.0.0.1:{port}", f"localhost:{server.port}"

    allowed = watch(admin, public, credentials=token)
    health = f'up{{instance="{admin}"}} == 1 and on () up{{instance="{public}"}} == 0'
    eventually(lambda: allowed.query(health), "the address for administrators alone is scraped")

    refused = watch(admin, holds="0s")
    eventually(
        lambda: "MLServiceTargetDown" in [labels["alertname"] for labels in refused.alerts()],
        "an alert without a token",
    )
