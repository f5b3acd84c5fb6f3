"""A program whose terminal a test is."""

import contextlib
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from tests.conftest import ROOT

DEADLINE = 60.0


class Terminal:
    """Starts a program whose stdout and stderr are a terminal of 100 columns, and reads what it writes there."""

    def __init__(self, command, **environ):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        environ = {**os.environ, "TERM": "xterm", **environ}
        # A shell has its background jobs ignore Ctrl-C, and what they start inherits that.
        command = ["env", "--default-signal=INT", *command]
        self.process = subprocess.Popen(command, cwd=ROOT, stdout=slave, stderr=slave, env=environ)
        os.close(slave)
        self.said = ""

    def read(self, until=None):
        """Read until the words are said, or to the end; return all that was said."""
        end = time.monotonic() + DEADLINE
        with contextlib.suppress(OSError):  # EIO: nobody has the terminal open any more
            while until is None or until not in self.said:
                assert select.select([self.master], [], [], end - time.monotonic())[0], self.said
                self.said += os.read(self.master, 65536).decode()
        return self.said

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    @property
    def plain(self):
        """What was said, without escape sequences (ECMA-48) and with line ends as in files."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.said).replace("\r\n", "\n")

    def wait(self):
        """Read to the end, and return the exit code."""
        self.read()
        os.close(self.master)
        return self.process.wait(DEADLINE)


def on_terminal(command, **environ):
    """Run a program to its end; return its exit code and what it wrote."""
    with Terminal(command, **environ) as terminal:
        return terminal.wait(), terminal.said
