"""Clients of the random schedule: steady, in floods, slow to send, slow to read, and those that do not speak HTTP."""

import itertools
import random
import selectors
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace

from tests.system.conftest import DEADLINE
from tests.system.reliability.kinds import all_kinds
from tests.system.reliability.twomodels import VERSIONS, kept
from tests.system.reliability.wire import Lost, Wire

STEADY = 6
BIG = 5  # the place of the largest table
WEIGHTS = {None: 6, 4: 3, BIG: 1}  # by table; 20 of the others
JUNK = [
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\n\n",
    b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"POST /predict HTTP/1.1\r\nHost: x\r\n",
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 5, 6\r\n\r\n{}",
    b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
]


@dataclass(frozen=True)
class Asked:
    """One request and its result.

    `status` is 0 where no whole answer came, and -1 where the answer before it ended the connection. `fits` are the
    versions of which this is the right answer; `reached` says whether the application answered, not the worker itself.
    """

    kind: str
    id: str
    port: int
    opened: float
    at: float
    first: bool = True
    until: float = 0.0
    status: int = 0
    version: str = ""
    fits: frozenset[str] = frozenset()
    reached: bool = False
    said: bytes = b""


class Clients:
    """Clients of a server; all of their requests, and what else went wrong."""

    def __init__(self, port, seed, right):
        self.port, self.kinds = port, all_kinds()
        self.asked, self.odd = [], []
        self._right, self._numbers, self._done = right, itertools.count(), threading.Event()
        self._weights = [WEIGHTS.get(kind.table, 20) for kind in self.kinds]
        works = [self._steady] * STEADY + [self._slow_sender, self._slow_reader, self._junk]
        self._threads = [
            threading.Thread(target=self._work, args=(work, random.Random(f"{seed}-{place}")))
            for place, work in enumerate(works)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        for thread in self._threads:
            thread.join(2 * DEADLINE)
            assert not thread.is_alive()

    def flood(self, count, rng):
        """Send one request on each of so many new connections at once."""
        thread = threading.Thread(target=self._work, args=(self._flood, random.Random(rng.random()), count))
        self._threads.append(thread)
        thread.start()

    def _work(self, work, rng, *arguments):
        try:
            work(rng, *arguments)
        except OSError as error:
            self.odd.append(f"{work.__name__}: {error!r}")

    def _begin(self, wire, kind):
        first, wire.asked = wire.asked == 0, wire.asked + 1
        return Asked(kind.name, f"s-{next(self._numbers)}", wire.port, wire.clock, time.monotonic(), first)

    def _end(self, asked, kind, answer):
        """Keep the result of a request."""
        body = kept(kind, answer, asked.id)
        right = ((version, self._right[version][kind.name]) for version in VERSIONS)
        fits = frozenset(version for version, each in right if (each.status, each.body) == (answer.status, body))
        given = answer.fields.get("x-request-id")
        if given not in (None, asked.id):
            self.odd.append(f"{asked} was answered with the id {given}")
        came = {
            "status": answer.status,
            "version": answer.fields.get("x-model-version", ""),
            "said": answer.body[:300],
        }
        self.asked.append(replace(asked, until=time.monotonic(), fits=fits, reached=given is not None, **came))

    def _lose(self, asked, said, status=0):
        self.asked.append(replace(asked, until=time.monotonic(), status=status, said=said))

    def _choose(self, rng, count=1):
        return rng.choices(self.kinds, self._weights, k=count)

    def _content(self, asked, kind, rng):
        """Return a request in one of the forms in which it may be sent."""
        coding = rng.choice(["", "", "gzip", "deflate"]) if kind.dialect else ""
        chunked = bool(kind.body) and rng.random() < 0.2
        return kind.content(asked.id, coding=coding, chunked=chunked, wants_gzip=rng.random() < 0.2)

    def _steady(self, rng):
        while not self._done.is_set():
            with Wire(self.port) as wire:
                for _ in range(rng.choice([1, 1, 5, 50])):
                    if self._done.is_set() or not self._talk(wire, rng):
                        break
                    time.sleep(rng.expovariate(100))

    def _talk(self, wire, rng):
        """Ask once, or a few times at once, and say whether the connection goes on."""
        kinds = self._choose(rng, rng.choice([1] * 9 + [4]))
        begun = [(self._begin(wire, kind), kind) for kind in kinds]
        wire.send(b"".join(self._content(asked, kind, rng) for asked, kind in begun))
        return self._take(wire, begun)

    def _take(self, wire, begun, **pace):
        """Read the answers to requests, in order."""
        for place, (asked, kind) in enumerate(begun):
            try:
                answer = wire.answer(**pace)
            except (Lost, TimeoutError) as error:
                for each, _ in begun[place:]:
                    self._lose(each, repr(error).encode())
                return False
            self._end(asked, kind, answer)
            if answer.fields["connection"] == "close":
                for each, _ in begun[place + 1 :]:
                    self._lose(each, b"", status=-1)
                return False
        return True

    def _slow_sender(self, rng):
        while not self._done.is_set():
            with Wire(self.port) as wire:
                (kind,) = self._choose(rng)
                asked = self._begin(wire, kind)
                content = self._content(asked, kind, rng)
                for _ in range(5):
                    piece, content = content[: len(content) // 3], content[len(content) // 3 :]
                    wire.send(piece)
                    time.sleep(rng.uniform(0.05, 0.4))
                wire.send(content)
                self._take(wire, [(asked, kind)])

    def _slow_reader(self, rng):
        big = [kind for kind in self.kinds if kind.table == BIG]
        while not self._done.wait(rng.uniform(0, 0.5)):
            with Wire(self.port, slow=True) as wire:
                kind = rng.choice(big)
                asked = self._begin(wire, kind)
                wire.send(kind.content(asked.id))
                self._take(wire, [(asked, kind)], size=1 << 14, pause=rng.uniform(0, 0.05))

    def _junk(self, rng):
        """Send several things that are not requests, and read until the server ends the connection."""
        while not self._done.wait(rng.uniform(0, 0.3)):
            with ExitStack() as stack:
                wires = [stack.enter_context(Wire(self.port)) for _ in range(rng.randint(1, 8))]
                for wire in wires:
                    wire.send(rng.choice(JUNK))
                for wire in wires:
                    try:
                        status = wire.answer().status
                    except Lost as lost:
                        status = 408 if not lost.args[0] else 0
                    if status not in (400, 408):
                        self.odd.append(f"junk was answered {status}")

    def _flood(self, rng, count):
        with ExitStack() as stack, selectors.DefaultSelector() as waiting:
            for kind in self._choose(rng, count):
                wire = stack.enter_context(Wire(self.port))
                asked = self._begin(wire, kind)
                waiting.register(wire, selectors.EVENT_READ, (asked, kind))
                wire.send(self._content(asked, kind, rng))
            end = time.monotonic() + DEADLINE
            while waiting.get_map() and time.monotonic() < end:
                for key, _ in waiting.select(0.1):
                    self._take_one(waiting, key)
            for key in list(waiting.get_map().values()):
                self._lose(key.data[0], b"nothing within the deadline")

    def _take_one(self, waiting, key):
        asked, kind = key.data
        try:
            answer = key.fileobj.read()
        except Lost as lost:
            self._lose(asked, repr(lost).encode())
        else:
            if answer is None:
                return
            self._end(asked, kind, answer)
        waiting.unregister(key.fileobj)
