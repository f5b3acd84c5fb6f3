"""One worker on one core, for each model and number of rows: the most, the knee, and what a request weighs."""

import json
import time
from dataclasses import dataclass

from benchmarks import load, servers
from benchmarks.capacity import arrivals
from benchmarks.capacity.figures import BOUND, PLANNED, SHARES, Replica
from benchmarks.contestants import CONTESTANTS, OURS
from benchmarks.measure import say
from benchmarks.models import Fitted

SERVER = next(each for each in CONTESTANTS if each.name == OURS)
# How many connections keep one worker busy: wrk sends the next request of each when it has the answer.
BUSY = {1: 16, 100: 8, 1000: 6}


@dataclass(frozen=True)
class Lengths:
    """Seconds: of the load that is uncounted, of the one for the most, and of each random one."""

    warm_up: int
    full: int
    random: float


def bodies(fitted: Fitted, rows: int) -> load.Bodies:
    """Write the requests of a model with so many rows."""
    dialect = SERVER.dialect
    folder = fitted.folder / "bodies" / str(rows)
    if rows == 1:
        return load.write_json(folder, dialect.one_path, [dialect.one(each) for each in fitted.singles()])
    return load.write_json(folder, dialect.many_path, [dialect.many(each[:rows]) for each in fitted.batches()])


def measure(fitted: Fitted, rows: int, server: servers.Running, lengths: Lengths) -> Replica:
    """Measure a server that runs; what it answers is not checked beyond the 200."""
    sent = bodies(fitted, rows)
    load.once(server.port, sent, BUSY[rows], lengths.warm_up)
    most = load.once(server.port, sent, BUSY[rows], lengths.full)
    full = most.rate
    contents = [(sent.folder / str(place)).read_bytes() for place in range(sent.count)]
    wire = arrivals.requests(server.port, sent.path, contents)
    pids, before = servers.descendants(), server.log.stat().st_size
    busy, start = servers.cpu_seconds(pids), time.perf_counter()
    planned = arrivals.offer(server.port, wire, full * PLANNED, lengths.random)
    cpu = (servers.cpu_seconds(pids) - busy) / (time.perf_counter() - start)
    time.sleep(0.2)  # the log is written beside the answers
    logged = (server.log.stat().st_size - before) / (planned.offered * lengths.random)
    knee, tail = _knee(server.port, wire, full, planned, lengths)
    say(f"  {fitted.case.title}, {rows} rows: {full:.0f}/s; planned {planned.p99:.1f} ms; knee {knee:.0f}/s")
    return Replica(
        fitted.case.key,
        fitted.case.title,
        rows,
        full,
        knee,
        tail,
        planned.p50,
        planned.p99,
        cpu,
        planned.failed,
        planned.sent,
        planned.received,
        logged,
        most.foreign,
    )


def _knee(
    port: int, wire: list[bytes], full: float, planned: arrivals.Offered, lengths: Lengths
) -> tuple[float, float]:
    """Return the highest rate that keeps the bound, and its p99; the lowest that was tried if none does."""
    for share in SHARES:
        found = planned if share == PLANNED else arrivals.offer(port, wire, full * share, lengths.random)
        if found.p99 <= BOUND and not found.failed:
            break
    return full * share, found.p99


def replicas(fitted: Fitted, lengths: Lengths) -> tuple[list[Replica], float]:
    """Measure one model with every number of rows; returns also how long its server took to start."""
    with servers.serving(SERVER, fitted.folder, fitted.singles()[0]) as server:
        first = json.loads((bodies(fitted, 1).folder / "0").read_bytes())
        server.ask(SERVER.dialect.one_path, first)
        return [measure(fitted, rows, server, lengths) for rows in BUSY], server.seconds
