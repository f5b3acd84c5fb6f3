"""The server's state over time, from outside: which models may answer, whether it drains, which workers were killed."""

import math
import re
import threading
import time
from bisect import bisect_right
from dataclasses import dataclass

from tests.system.reliability.killer import Killer

LOOK_SECONDS = 0.005
BOOTED = re.compile(r"Booting worker with pid: (\d+)")
SERVED = re.compile(r"model \S+ (\S+) is served from now on")
STAYED = re.compile(r"is not served, the old one stays: (.*)")
# After a reload that failed, so long until the workers that were started for it are gone.
UNDONE_SECONDS = 2.0


class Known:
    """The possible states, from each moment on."""

    def __init__(self, *values):
        self._times, self._values = [-math.inf], [frozenset(values)]

    def now(self, *values):
        self._values.append(frozenset(values))
        self._times.append(time.monotonic())

    @property
    def last(self):
        return self._values[-1]

    def within(self, start, end):
        """Return all states that were possible at any moment of a span of time."""
        first = bisect_right(self._times, start) - 1
        return frozenset().union(*self._values[first : bisect_right(self._times, end)])


@dataclass(frozen=True)
class Kill:
    """A worker that was killed, and the ports of the clients whose connections it held."""

    at: float
    ports: frozenset[int]


class Timeline:
    """Follows the server's log while its block runs; is told what is done to the server before it is done.

    A model may answer from the moment its bundle is in place. When the server says that a version is served, its
    workers are the last that booted, and all before them are ending; once they are gone, only what was put in place
    since may answer beside that version.
    """

    def __init__(self, server, version, workers):
        self.models, self.draining, self.reloading = Known(version), Known(False), Known(False)
        self.kills, self.ok, self.failed, self.served, self.said = [], 0, [], version, []
        self._server, self._workers = server, workers
        self._booted, self._ending, self._since, self._undone = [], None, {version}, math.inf
        self._lock, self._done = threading.Lock(), threading.Event()
        self._thread, self._killer = threading.Thread(target=self._follow), Killer()

    def __enter__(self):
        self._killer.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
        self._killer.__exit__()

    @property
    def outcomes(self):
        return self.ok + len(self.failed)

    def put(self, version):
        """Note that a bundle is about to be in place, and perhaps to be loaded; None for a broken one."""
        with self._lock:
            self._since |= {version} - {None}
            self.models.now(*self.models.last, *self._since)
            self.reloading.now(True)

    def alive(self):
        """Return the workers that have booted and live."""
        return [pid for pid in self._server.children() if pid in self._booted]

    def kill(self, pid):
        """Kill a worker."""
        self.kills.append(Kill(*self._killer.kill(pid)))

    def _follow(self):
        with self._server.err.open() as log:
            line = ""
            while not self._done.wait(LOOK_SECONDS):
                while piece := log.readline():
                    line += piece
                    if line.endswith("\n"):
                        with self._lock:
                            self._read(line)
                        line = ""
                with self._lock:
                    self._look()

    def _read(self, line):
        self.said.append((time.monotonic(), line))
        if found := BOOTED.search(line):
            self._booted.append(int(found[1]))
        elif found := SERVED.search(line):
            self.ok, self.served = self.ok + 1, found[1]
            self._since = {found[1]}
            self._ending = set(self._booted[: -self._workers])
        elif found := STAYED.search(line):
            self.failed.append(found[1])
            self._undone = time.monotonic() + UNDONE_SECONDS

    def _look(self):
        if self._ending is not None and not self._ending & set(self.alive()):
            self._ending = None
            self.models.now(*self._since)
            self.reloading.now(False)
        if time.monotonic() > self._undone:
            self._undone = math.inf
            self.reloading.now(self._ending is not None)
