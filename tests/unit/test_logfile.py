"""service.monitoring.line_writer: no line is lost or torn, whoever rotates the file, and whatever fails."""

import os
import resource
import shutil
import signal
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from service.monitoring.line_writer import LineWriter, LogFile

LINE = 16_000
WRITERS, LINES = 8, 30


def writer(path, most_bytes=0, kept=3):
    return LineWriter(LogFile(path, most_bytes, kept), patience=60)


def lines_in(folder):
    """Return the lines of all files of a folder."""
    return [line for path in folder.iterdir() if path.is_file() for line in path.read_bytes().splitlines()]


@contextmanager
def files_of_at_most(size):
    """Let no file grow beyond a size, as a full disk does."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


def test_a_full_file_makes_room_for_a_new_one(tmp_path):
    """The newest lines are in the file, older ones in .1, .2 and .3; the oldest file goes."""
    write = writer(tmp_path / "log", most_bytes=6).write
    for number in range(11):
        write(b"%02d\n" % number)

    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {"log": b"10\n", "log.1": b"08\n09\n", "log.2": b"06\n07\n", "log.3": b"04\n05\n"} == found


def test_a_line_that_is_longer_than_a_file_has_one_of_its_own(tmp_path):
    """It is not dropped, and no file is empty."""
    write = writer(tmp_path / "log", most_bytes=4).write
    for line in (b"123456\n", b"1\n", b"123456\n"):
        write(line)

    assert {"log": 7, "log.1": 2, "log.2": 7} == {path.name: path.stat().st_size for path in tmp_path.iterdir()}


def test_processes_lose_and_tear_no_line_while_the_file_is_rotated(tmp_path):
    """Eight of them write as fast as they can, the file is full every few lines, and something else renames it, too."""
    path, moved, stop = tmp_path / "log", tmp_path / "moved", threading.Event()
    moved.mkdir()
    lines = writer(path, most_bytes=3 * LINE, kept=1000)

    def rename():
        for number in range(10):
            stop.wait(0.01)
            with suppress(FileNotFoundError):
                path.rename(moved / str(number))

    children = []
    for name in range(WRITERS):
        child = os.fork()
        if not child:
            try:
                for number in range(LINES):
                    lines.write(b"%d %d " % (name, number) + bytes([97 + name]) * LINE + b"\n")
            finally:
                os._exit(0)
        children.append(child)
    renaming = threading.Thread(target=rename)
    renaming.start()
    codes = [os.waitpid(child, 0)[1] for child in children]
    stop.set()
    renaming.join()

    found = [*lines_in(tmp_path), *lines_in(moved)]
    assert [0] * WRITERS == codes
    assert {len(set(line.split()[2])) for line in found} == {1}
    assert {LINE} == {len(line.split()[2]) for line in found}
    expected = [(b"%d" % name, b"%d" % number) for name in range(WRITERS) for number in range(LINES)]
    assert sorted(expected) == sorted(tuple(line.split()[:2]) for line in found)
    assert (True, True) == (any(moved.iterdir()), (tmp_path / "log.1").exists())


def test_a_line_for_which_there_is_no_room_is_taken_back(tmp_path):
    """What was written of it is no JSON; when there is room again, lines follow the last whole one."""
    write = writer(tmp_path / "log").write
    write(b"one\n")
    with files_of_at_most(6), pytest.raises(OSError, match="too large"):
        write(b"two and more\n")
    write(b"three\n")

    assert b"one\nthree\n" == (tmp_path / "log").read_bytes()


def test_a_line_that_was_left_unfinished_is_not_glued_to_the_next(tmp_path):
    """A server that was killed while it wrote has left it, or another program."""
    (tmp_path / "log").write_bytes(b"one\ntw")

    writer(tmp_path / "log").write(b"three\n")

    assert [b"one", b"tw", b"three"] == lines_in(tmp_path)


def test_a_directory_that_has_gone_costs_lines_until_it_is_back(tmp_path):
    """Each is reported as dropped; nothing need be restarted."""
    folder = tmp_path / "logs"
    folder.mkdir()
    write = writer(folder / "log").write
    write(b"one\n")
    shutil.rmtree(folder)
    with pytest.raises(FileNotFoundError):
        write(b"two\n")
    folder.mkdir()
    write(b"three\n")

    assert [b"three"] == lines_in(folder)


@pytest.mark.parametrize("how", ["removed", "truncated", "replaced"])
def test_what_others_do_to_the_file_loses_nothing_that_follows(tmp_path, how):
    """Logrotate renames, makes a new file, or copies and truncates."""
    path = tmp_path / "log"
    write = writer(path).write
    write(b"one\n")
    {
        "removed": path.unlink,
        "truncated": lambda: os.truncate(path, 0),
        "replaced": lambda: (path.unlink(), path.touch()),
    }[how]()
    write(b"two\n")

    assert [b"two"] == lines_in(tmp_path)


def test_a_file_that_cannot_be_renamed_goes_on(tmp_path):
    """Better a file that is too large than lines that are lost; the older files stay as they are."""
    (tmp_path / "log.1" / "full").mkdir(parents=True)
    write = writer(tmp_path / "log", most_bytes=4, kept=1).write
    for line in (b"one\n", b"two\n", b"six\n"):
        write(line)

    assert b"one\ntwo\nsix\n" == (tmp_path / "log").read_bytes()


def test_a_file_is_closed_when_another_takes_its_name(tmp_path):
    """Disk space of files that were removed is free as soon as the next line is written."""
    path = tmp_path / "log"
    write = writer(path, most_bytes=4, kept=1).write
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(100):
        write(b"one\n")

    assert before + 1 == len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("what", ["folder", "fifo", "missing/log", "/proc/log"])
def test_what_can_be_no_log_file_is_refused_at_the_start(tmp_path, what):
    """A directory, a pipe, a file in a directory that is not there, or where no file can be made."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")

    with pytest.raises(OSError, match=r".+"):
        LogFile(tmp_path / what).check()
