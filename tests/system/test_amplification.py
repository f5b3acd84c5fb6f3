"""Bodies that stand for much work or memory, asked of a real server in little memory, while others ask too.

The limit of 600 MB is RLIMIT_DATA of each process (`ulimit -d`): it counts what is private and can be written, which is
what a body can make a worker allocate. RLIMIT_AS counts all that is mapped: scikit-learn's libraries alone are half of
600 MB before the first request, and so are the arenas that malloc reserves for threads and does not use.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import cycle
from pathlib import Path

import pytest

from tests.amplification import BINARY, LIKE_THEM, TEXTUAL, WRAPPED, most_memory, most_seconds
from tests.system.conftest import DEADLINE, eventually, launching
from tests.victims import ROWS

LIMIT = 600 * 1024  # KiB
LIMITED = ("sh", "-c", f'ulimit -d {LIMIT}; exec "$@"', "sh")
NEIGHBOURS_SECONDS = 2.0  # of a CPU: by the clock, it would depend on what else the machine does
TICKS = os.sysconf("SC_CLK_TCK")
# A body is unwrapped before it is decoded, whatever its protocol. So texts, most of which are asked in several
# protocols, take turns: each protocol is asked in each wrapping, and so is each body that three protocols have.
ASKED = [
    *((case, wrapping) for case in BINARY for wrapping in WRAPPED),
    *((case, "") for case in LIKE_THEM),
    *zip(TEXTUAL, cycle(WRAPPED)),
]
built = lru_cache(1)(lambda case: case.build())


class Victim:
    """A server of one worker in little memory, and what that worker has used."""

    def __init__(self, server, row):
        self.server, self.row = server, row
        server.wait_until_ready()
        self.warm_up()

    def warm_up(self):
        """Ask what is ordinary, so that what is loaded with the first requests is not counted."""
        for _ in range(3):
            assert 200 == self.server.predict({"instances": [self.row] * 100})[0]

    def start_counting(self):
        (self.worker,) = eventually(self.server.workers, "a worker, if the last body ended one")
        Path(f"/proc/{self.worker}/clear_refs").write_text("5")  # makes the peak what is used now (proc_pid_clear_refs)
        self.memory, self.ticks = self._status("VmRSS"), self._ticks()

    def used(self):
        """Return the bytes at the peak and the seconds of a CPU since counting was started."""
        return self._status("VmHWM") - self.memory, (self._ticks() - self.ticks) / TICKS

    def ask(self, case, body, headers):
        with self.server.connect() as connection:
            status, _, answer = connection.ask("POST", case.path, body, **headers)
        return status, answer

    def neighbours(self):
        """Ask as others do meanwhile: what each got, and the worker's seconds of a CPU until both had it."""
        with self.server.connect() as connection:
            found = [connection.ask("GET", "/health/live")[0], connection.predict({"features": self.row})[0]]
        return found, (self._ticks() - self.ticks) / TICKS

    def _status(self, name):
        status = Path(f"/proc/{self.worker}/status").read_text()
        return int(status.split(f"{name}:")[1].split()[0]) * 1024

    def _ticks(self):
        fields = Path(f"/proc/{self.worker}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])


@pytest.fixture(scope="module")
def victim(tmp_path_factory, victim_bundles):
    """Return the server of a model by its name, started when it is first asked for."""
    with launching(tmp_path_factory, victim_bundles["iris"]) as launch:
        # As `make serve` and the image have it: each thread's arena of its own would count.
        environ = {"WEB_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "2", "prefix": LIMITED}
        yield lru_cache(lambda name: Victim(launch(victim_bundles[name], **environ), ROWS[name]))


@pytest.mark.parametrize(("case", "coding"), ASKED, ids=lambda part: getattr(part, "name", part))
def test_a_body_costs_in_proportion_and_nobody_else_anything(victim, case, coding):
    """Refused by name or answered, in bounded memory and time; the worker lives, and others are answered meanwhile."""
    asked, (body, headers) = victim(case.victim), built(case)
    wrapped = WRAPPED[coding](body)
    with ThreadPoolExecutor(1) as pool:
        asked.start_counting()

        answer = pool.submit(asked.ask, case, wrapped, headers | ({"Content-Encoding": coding} if coding else {}))
        neighbours, waited = asked.neighbours()
        answered = answer.result(DEADLINE)

    memory, seconds = asked.used()
    assert case.allows(*answered), answered[1][:1000]
    assert memory <= most_memory(len(body))
    assert seconds <= most_seconds(len(body))
    assert [200, 200] == neighbours
    assert waited <= NEIGHBOURS_SECONDS
    assert [asked.worker] == asked.server.workers()
