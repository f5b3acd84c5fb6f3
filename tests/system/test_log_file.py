"""The prediction log of a real server at full load, in a file that is rotated."""

import json
import signal
import threading
from contextlib import suppress

from tests import loglines
from tests.system.conftest import DEADLINE, background

HOSTILE = "\x00\x07\n\r\x1b[31m\x7f\x85\x9b\u061c\u200e\u2028\u2029\u202e\u2066\ufeff\U0001f600\ud7ff"
TEXT = HOSTILE + "x" * 16_000
CLIENTS, REQUESTS = 8, 20


def load(server, tag):
    """Have all clients ask at once for predictions of long texts, each with an id of its own; return the statuses."""
    statuses = []

    def ask(client):
        with server.connect() as connection:
            for number in range(REQUESTS):
                ids = {"X-Request-ID": f"{tag}-{client}-{number}"}
                statuses.append(connection.predict({"features": [TEXT]}, **ids)[0])

    clients = [threading.Thread(target=ask, args=(client,)) for client in range(CLIENTS)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(2 * DEADLINE)
    assert [200] * CLIENTS * REQUESTS == statuses
    return len(statuses)


def checked(content):
    """Return how many lines there are: each is whole and as the schema says, and each request has one."""
    lines = content.splitlines(keepends=True)
    assert [] == [fault for line in lines for fault in loglines.faults(line)]
    assert len(lines) == len({json.loads(line)["request_id"] for line in lines})
    return len(lines)


def test_no_line_is_lost_or_torn_while_the_file_is_rotated(serve, victim_bundles, tmp_path):
    """Eight workers write 16 KB lines; the file is full every few lines, is renamed, and the server is reloaded."""
    log, moved, stop = tmp_path / "log", tmp_path / "moved", threading.Event()
    moved.mkdir()
    settings = {"LOG_FILE": str(log), "LOG_FILE_BYTES": "100000", "LOG_FILES": "500"}
    server = serve(victim_bundles["text"], WEB_CONCURRENCY="8", **settings)

    def disturb():
        server.process.send_signal(signal.SIGHUP)
        for number in range(5):
            stop.wait(0.05)
            with suppress(FileNotFoundError):
                log.rename(moved / str(number))

    with background(threading.Thread(target=disturb)):
        asked = load(server, "r")
        stop.set()

    files = [path for folder in (tmp_path, moved) for path in folder.iterdir() if path.is_file()]
    assert asked == checked(b"".join(path.read_bytes() for path in files))
    assert (True, True) == (log.with_name("log.1").exists(), any(moved.iterdir()))
    assert (0, b"") == (server.metric("log_dropped_total"), server.out.read_bytes())
