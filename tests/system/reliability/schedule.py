"""What is done to the server, at random, in an order that depends on a seed."""

import random
import signal
import subprocess
import sys
import time

from tests.conftest import ROOT
from tests.system.conftest import DEADLINE, eventually
from tests.system.reliability.twomodels import BROKEN, VERSIONS

SETTLED_SECONDS = 60.0


class Schedule:
    """Does one thing after another to a server whose MODEL_DIR is a link in a folder of bundles."""

    def __init__(self, server, folder, timeline, clients, seed):
        self.done = []
        self._server, self._folder, self._timeline, self._clients = server, folder, timeline, clients
        self._rng, self._drained = random.Random(seed), False
        self._steps = {
            self._reload: 4,
            self._reload_again: 1,
            self._break: 2,
            self._kill: 4,
            self._kill_all: 1,
            self._drain: 2,
            self._flood: 3,
        }

    def run(self, seconds):
        """Do something now and then for so long; then undo whatever keeps the server from being ready."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            (step,) = self._rng.choices(list(self._steps), self._steps.values())
            step()
            time.sleep(self._rng.uniform(0, 1))
        if self._drained:
            self._drain()
        for _ in range(2):  # the first may fail because of what was done last
            self._put(VERSIONS[0])
            self._signalled()
        eventually(lambda: len(self._server.workers()) == 2 == len(self._timeline.alive()), "all workers ready")

    def _note(self, what):
        self.done.append((time.monotonic(), what))

    def _put(self, name):
        """Replace the bundle atomically."""
        self._note(f"put {name}")
        self._timeline.put(name if name in VERSIONS else None)
        (self._folder / "next").symlink_to(self._folder / name)
        (self._folder / "next").replace(self._folder / "bundle")

    def _signalled(self, count=1, meanwhile=lambda: None):
        """Ask for a reload, or several, and wait until one has come to its end."""
        before, end = self._timeline.outcomes, time.monotonic() + SETTLED_SECONDS
        for _ in range(count):
            self._server.process.send_signal(signal.SIGHUP)
        while self._timeline.outcomes == before:
            assert time.monotonic() < end, "a reload neither succeeds nor fails"
            time.sleep(0.02)
            meanwhile()

    def _disturb(self):
        """Sometimes do something else while a reload goes on."""
        if self._rng.random() < 0.01:
            self._rng.choice([self._kill, self._kill, self._flood, self._drain])()

    def _other(self):
        return VERSIONS[1 - VERSIONS.index(self._timeline.served)]

    def _reload(self):
        self._put(self._other())
        self._signalled(self._rng.choice([1, 1, 3]), self._disturb)

    def _reload_again(self):
        self._put(self._timeline.served)
        self._signalled(1, self._disturb)

    def _break(self):
        """Put a broken bundle in place; the old one stays."""
        self._put(self._rng.choice(list(BROKEN)))
        ok = self._timeline.ok
        self._signalled(1, self._disturb)
        assert ok == self._timeline.ok, "a broken bundle is served"

    def _kill(self):
        if workers := self._timeline.alive():
            self._note("kill")
            self._timeline.kill(self._rng.choice(workers))

    def _kill_all(self):
        self._note("kill all")
        for worker in self._timeline.alive():
            self._timeline.kill(worker)

    def _drain(self):
        """Drain the server, or end its draining."""
        self._drained = not self._drained
        self._note("drain" if self._drained else "undo the drain")
        command = [sys.executable, "-m", "service.server.drain", "--pid", str(self._server.process.pid)]
        self._timeline.draining.now(True, False)
        undo = [] if self._drained else ["--undo"]
        subprocess.run([*command, *undo], cwd=ROOT, check=True, timeout=DEADLINE)
        self._timeline.draining.now(self._drained)

    def _flood(self):
        count = self._rng.randint(40, 150)
        self._note(f"flood of {count}")
        self._clients.flood(count, self._rng)
