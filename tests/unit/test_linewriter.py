"""service.monitoring.line_writer: whole lines from several processes, without waiting for a reader."""

import os
import resource
import select
import signal
import statistics
import threading
import time
from contextlib import suppress

import pytest

from service.monitoring.line_writer import PATIENCE_SECONDS, LineWriter


def test_long_lines_of_several_processes_never_mix():
    """Each line is whole however full the pipe is, also when a writer is killed in the middle of things."""
    reader, writer = os.pipe()
    lines = LineWriter(writer, patience=30)
    children = []
    for name in b"abcd":
        child = os.fork()
        if not child:
            try:
                for _ in range(200):
                    lines.write(bytes([name]) * 20_000 + b"\n")
            finally:
                os._exit(0)
        children.append(child)
    os.close(writer)
    content = bytearray()
    killer = threading.Timer(0.05, os.kill, (children[0], signal.SIGKILL))
    killer.start()
    while part := os.read(reader, 1 << 16):
        content += part
    killer.join()
    for child in children:
        os.waitpid(child, 0)

    whole = [line for line in bytes(content).split(b"\n") if len(line) == 20_000]
    assert all(len(set(line)) == 1 for line in whole)
    assert len(whole) >= 600
    cut = [line for line in bytes(content).split(b"\n") if len(line) not in (0, 20_000)]
    assert len(cut) <= 1, "a line that a killed writer left unfinished ends where the next one begins"


def test_a_line_of_which_nothing_was_written_leaves_nothing(tmp_path):
    """Also no empty line, which is no JSON, when the disk has room again."""
    path = tmp_path / "log"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    lines = LineWriter(descriptor)
    lines.write(b"one\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4, before[1]))
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(OSError, match="too large"):
            lines.write(b"two\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    lines.write(b"three\n")
    os.close(descriptor)

    assert b"one\nthree\n" == path.read_bytes()


def test_a_line_that_could_not_be_finished_is_not_glued_to_the_next():
    """A full disk or pipe costs the lines that did not fit, and no other."""
    reader, writer = os.pipe2(os.O_NONBLOCK)
    lines = LineWriter(writer)
    with pytest.raises(BlockingIOError):
        lines.write(b"x" * 200_000 + b"\n")
    while os.read(reader, 1 << 16):
        with suppress(BlockingIOError):
            if not select.select([reader], [], [], 0)[0]:
                break
    lines.write(b"whole\n")

    assert b"\nwhole\n" == os.read(reader, 100)


def test_a_reader_that_does_not_read_costs_a_moment_once():
    """After the first line that found no room, none waits; when there is room again, lines are written again."""
    reader, writer = os.pipe()
    lines = LineWriter(writer)
    dropped, longest = 0, []
    for _ in range(100):
        start = time.perf_counter()
        with suppress(BlockingIOError):
            lines.write(b"x" * 4000 + b"\n")
            start = time.perf_counter()
            continue
        dropped += 1
        longest.append(time.perf_counter() - start)

    assert dropped > 50
    assert PATIENCE_SECONDS / 2 < longest[0] < 10 * PATIENCE_SECONDS
    assert statistics.median(longest[1:]) < PATIENCE_SECONDS / 10

    os.read(reader, 1 << 20)
    lines.write(b"again\n")
    assert os.read(reader, 1 << 20).endswith(b"again\n")


def test_a_stopped_process_that_holds_the_lock_stops_nobody_else():
    """SIGSTOP in the middle of a line: the others drop theirs, and go on when it does."""
    reader, writer = os.pipe()
    lines = LineWriter(writer, patience=2)
    child = os.fork()
    if not child:
        try:
            lines.write(bytes(1 << 20))  # more than the pipe holds: it waits for the reader, with the lock
        finally:
            os._exit(0)
    select.select([reader], [], [])
    os.kill(child, signal.SIGSTOP)
    os.waitpid(child, os.WUNTRACED)
    os.read(reader, 1 << 20)

    with pytest.raises(BlockingIOError):
        lines.write(b"dropped\n")

    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    lines.write(b"written\n")
    assert b"\nwritten\n" == os.read(reader, 100)


def test_a_regular_file_takes_lines_of_any_length(tmp_path):
    """In one write."""
    with (tmp_path / "log").open("wb") as file:
        LineWriter(file.fileno()).write(b"x" * 1_000_000 + b"\n")

    assert 1_000_001 == (tmp_path / "log").stat().st_size
