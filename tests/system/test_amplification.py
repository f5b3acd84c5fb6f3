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
from typing import NamedTuple

import pytest

from tests.amplification import BINARY, LIKE_THEM, TEXTUAL, TIMES, WRAPPED, most_memory, most_seconds
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


class Found(NamedTuple):
    """What a body and those beside it got: memory in bytes, times in seconds of the worker's CPU."""

    answer: tuple[int, bytes]
    neighbours: list[int]
    memory: int
    seconds: float
    waited: float  # until both others had their answers


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

    def beside_others(self, case, body, headers):
        """Ask for a body while others ask for what is small; return what each got, and what the worker used."""
        (self.worker,) = eventually(self.server.workers, "a worker, if the last body ended one")
        Path(f"/proc/{self.worker}/clear_refs").write_text("5")  # makes the peak what is used now (proc_pid_clear_refs)
        memory, ticks = self._status("VmRSS"), self._ticks()
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(self._ask, case, body, headers)
            neighbours = self._neighbours()
            waited = self._ticks() - ticks
            answered = answer.result(DEADLINE)
        return Found(
            answered,
            neighbours,
            self._status("VmHWM") - memory,
            (self._ticks() - ticks) / TICKS,
            waited / TICKS,
        )

    def _ask(self, case, body, headers):
        with self.server.connect() as connection:
            status, _, answer = connection.ask("POST", case.path, body, **headers)
        return status, answer

    def _neighbours(self):
        with self.server.connect() as connection:
            return [connection.ask("GET", "/health/live")[0], connection.predict({"features": self.row})[0]]

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
    headers = headers | ({"Content-Encoding": coding} if coding else {})

    found = [asked.beside_others(case, wrapped, headers)]
    while found[-1].seconds > most_seconds(len(body)) and len(found) < TIMES:
        found.append(asked.beside_others(case, wrapped, headers))

    assert all(case.allows(*each.answer) for each in found), found[-1].answer[1][:1000]
    assert max(each.memory for each in found) <= most_memory(len(body))
    assert min(each.seconds for each in found) <= most_seconds(len(body))
    assert all(each.neighbours == [200, 200] for each in found)
    assert max(each.waited for each in found) <= NEIGHBOURS_SECONDS
    assert [asked.worker] == asked.server.workers()
