"""Tokens and the admin address of a running server."""

import hashlib
import re
import signal
from http.client import HTTPConnection

from tests.badinput import ROW
from tests.system.conftest import DEADLINE, eventually


def test_tokens_are_read_again_at_sighup_and_a_wrong_file_changes_nothing(launch, tmp_path):
    """A token is taken away, and another given, without a restart."""
    path = tmp_path / "tokens"

    def write(token):
        path.write_text(hashlib.sha256(token.encode()).hexdigest())

    def status(token):
        with server.connect() as connection:
            return connection.predict({"features": ROW}, Authorization=f"Bearer {token}")[0]

    write("old")
    server = launch(WEB_CONCURRENCY="1", TOKENS_FILE=str(path))
    server.wait_until_listening()
    assert (200, 401) == (status("old"), status("new"))

    write("new")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: status("new") == 200, "the new token")
    eventually(lambda: status("old") == 401, "not the old one")

    path.write_text("rubbish")
    server.process.send_signal(signal.SIGHUP)
    eventually(lambda: "TOKENS_FILE=" in server.errors.rpartition("stays: ")[2], "a line about it")
    assert 200 == status("new")


def test_metrics_are_answered_at_the_admin_address_only(launch):
    """The second address, and not the first, which load balancers send to."""
    server = launch(ADMIN_BIND="127.0.0.1:0")
    main, admin = eventually(
        lambda: re.findall(r"http://127\.0\.0\.1:(\d+)", server.errors.partition("Listening")[2])[:2], "both"
    )

    def status(port, path):
        connection = HTTPConnection("127.0.0.1", int(port), timeout=DEADLINE)
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        return answer.status

    assert (200, 200) == (status(main, "/health/ready"), status(admin, "/health/ready"))
    assert (404, 200) == (status(main, "/metrics"), status(admin, "/metrics"))
