"""The prediction log at full load, with a full disk or a reader that stops: each line is whole, or counted."""

import os
import threading
from contextlib import suppress

from tests.system.conftest import background, eventually
from tests.system.test_log_file import checked, load


def test_a_reader_that_stops_costs_lines_and_tears_none(serve, victim_bundles):
    """While nobody reads the pipe, each line of eight workers is written whole, or dropped and counted."""
    server = serve(victim_bundles["text"], WEB_CONCURRENCY="8", unread_stdout=True)
    asked = load(server, "stalled")
    content, stop = bytearray(), threading.Event()
    os.set_blocking(server.unread, False)

    def read():
        while not stop.wait(0.001):
            with suppress(BlockingIOError):
                content.extend(os.read(server.unread, 1 << 20))

    with background(threading.Thread(target=read)):
        asked += load(server, "read")
        dropped = server.metric("log_dropped_total")
        eventually(lambda: asked <= content.count(b"\n") + dropped, "all that was written")
        stop.set()

    whole = b"".join(line for line in bytes(content).splitlines(keepends=True) if line.rstrip().endswith(b"}"))
    assert dropped > 0
    assert asked == checked(whole) + dropped


def test_a_disk_that_is_full_costs_lines_and_tears_none(serve, victim_bundles, tmp_path):
    """On a full disk, the file has whole lines only, and those that are missing are counted."""
    limited = ("prlimit", "--fsize=200000")
    server = serve(victim_bundles["text"], WEB_CONCURRENCY="8", LOG_FILE=str(tmp_path / "log"), prefix=limited)

    asked = load(server, "full")

    written, dropped = checked((tmp_path / "log").read_bytes()), server.metric("log_dropped_total")
    assert (True, asked) == (dropped > 0, written + dropped)
    assert "lines of the prediction log are being dropped" in server.errors
