"""service.monitoring.std_streams: a stream that never blocks and never raises."""

import io
import os
import socket
import subprocess
import sys
from contextlib import suppress

import pytest

from service.monitoring.std_streams import NonBlockingStream
from tests.conftest import ROOT

RECORD = "one\nTraceback:\n  two\n"


def stream(descriptor):
    raw = NonBlockingStream(descriptor)
    dropped = []
    raw.dropped = lambda: dropped.append(1)
    return io.TextIOWrapper(raw, "utf-8", "backslashreplace", line_buffering=True), dropped


@pytest.fixture
def pipe():
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        os.close(descriptor)


def test_a_record_of_several_lines_is_written_in_one_piece():
    """Nothing of another process comes between its lines; a socket of packets shows what was written at once."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with reader, writer:
        text, dropped = stream(writer.fileno())
        text.write(RECORD)
        print("a line", "of pieces", file=text)

        assert RECORD.encode() == reader.recv(1 << 16)
        assert b"a line of pieces\n" == reader.recv(1 << 16)
    assert [] == dropped


def test_what_a_full_pipe_does_not_take_is_dropped_and_counted(pipe):
    """Without waiting; when there is room again, how much is missing is told first."""
    reader, writer = pipe
    text, dropped = stream(writer)
    for _ in range(10_000):
        text.write("x" * 99 + "\n")
    taken = os.read(reader, 1 << 20)
    assert 10_000 == taken.count(b"\n") + len(dropped)

    text.write(RECORD)
    told = f"ml-service: log_dropped: {len(dropped)} records are missing here.\n"
    assert told + RECORD == os.read(reader, 1 << 20).decode()


def test_a_reader_that_has_gone_is_no_error():
    """No exception, and no signal."""
    reader, writer = os.pipe()
    os.close(reader)
    text, dropped = stream(writer)
    text.write(RECORD)
    os.close(writer)

    assert [1] == dropped


def test_a_full_disk_is_no_error():
    """What could not be written is counted."""
    full = os.open("/dev/full", os.O_WRONLY)
    text, dropped = stream(full)
    text.write(RECORD)
    text.flush()
    os.close(full)

    assert [1] == dropped


HANGING = """
import faulthandler, time
from service.monitoring.std_streams import for_code_in_c
faulthandler.dump_traceback_later(0.1, exit=True, file=for_code_in_c())
time.sleep(1000)
"""


def test_a_watchdog_ends_what_hangs_though_nobody_reads_what_it_says(pipe):
    """The traceback of a worker that hangs when it boots; its exit must not wait for a reader."""
    _, writer = pipe
    os.set_blocking(writer, False)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(1 << 16))
    os.set_blocking(writer, True)

    ended = subprocess.run([sys.executable, "-c", HANGING], check=False, cwd=ROOT, stderr=writer, timeout=30)
    assert 1 == ended.returncode
