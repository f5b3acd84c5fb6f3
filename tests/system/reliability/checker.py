"""Checks what clients were answered against what was done to the server, and whether the server's counts agree."""

import json
import re
from collections import Counter
from dataclasses import dataclass

from tests.system.reliability.kinds import all_kinds

KINDS = {kind.name: kind for kind in all_kinds()}
SAMPLE = re.compile(r"^mlservice_(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="([^"]*)"')
REFUSED_EARLY = {"bad_request", "request_timeout", "overloaded"}


@dataclass(frozen=True)
class Told:
    """What the server reports: the lines of its log, how many of them are torn, and its counts."""

    lines: list[dict]
    torn: int
    counts: dict[tuple, float]  # by the metric's name, the protocol and the code, "" where it has none

    @property
    def dropped(self):
        return self.counts["log_dropped_total", "", ""]


def told(log, metrics):
    """Read a prediction log and a scrape."""
    lines, torn = [], 0
    for line in log.splitlines():
        try:
            lines.append(json.loads(line))
        except ValueError:
            torn += 1
    counts = Counter()
    for name, labels, value in SAMPLE.findall(metrics):
        found = dict(LABEL.findall(labels))
        counts[name, found.get("protocol", ""), found.get("code", "")] += float(value)
    return Told(lines, torn, counts)


def fault(asked, timeline):
    """Return what is wrong with the result of a request; None if nothing is."""
    if asked.status < 0:
        return None
    if asked.status == 0:
        return _fault_of_loss(asked, timeline)
    if asked.status == 503:
        return _fault_of_refusal(asked, timeline)
    if KINDS[asked.kind].path == "/health/ready" and timeline.draining.within(asked.at, asked.until) == {True}:
        return "is ready, though it drains"
    return _fault_of_answer(asked, timeline.models.within(asked.at, asked.until))


def _fault_of_answer(asked, models):
    if not asked.fits:
        return "is the answer of neither model"
    if asked.version not in asked.fits:
        return f"is not the answer of the version that it names, but of {sorted(asked.fits)}"
    return None if asked.version in models else f"is of a version that is not served; only {sorted(models)} may be"


def _fault_of_refusal(asked, timeline):
    """Return None if a prediction found no room, or if a health check found a server that drains."""
    kind, draining = KINDS[asked.kind], timeline.draining.within(asked.at, asked.until)
    busy = kind.method == "POST" and b"overloaded" in asked.said
    drains = kind.health and b"draining" in asked.said and True in draining
    return None if busy or drains else "is refused, though neither overloaded nor drained"


def _fault_of_loss(asked, timeline):
    """Return None if the request's worker was killed, or a worker that stopped ended an idle connection."""
    span = asked.opened, asked.until
    if any(asked.port in kill.ports and span[0] <= kill.at <= span[1] for kill in timeline.kills):
        return None
    raced = not asked.first and b"b''" in asked.said
    ending = timeline.reloading.within(asked.at, asked.until) | timeline.draining.within(asked.at, asked.until)
    return None if raced and True in ending else "is lost, though its worker was not killed"


def faults_of_the_log(history, right, said):
    """Yield where the log differs from the answers: it needs a line for each, with its protocol, code and version.

    Lines that the server says it has dropped may be missing, and no others.
    """
    by_id, missing = {}, []
    for line in said.lines:
        by_id.setdefault(line["request_id"], []).append(line)
    for asked in history:
        found, due = by_id.pop(asked.id, []), expected(asked, right)
        if asked.status <= 0:
            if len(found) > 1:
                yield f"{asked}: more than one line in the log"
        elif due and not found:
            missing.append(asked)
        elif found_codes(found) != due:
            yield f"{asked}: logged as {found}"
        elif any(line["model"] and line["model"]["version"] != asked.version for line in found):
            yield f"{asked}: logged of another version, {found}"
    # What the HTTP parser refuses has an id of the server's own.
    strange = [lines for lines in by_id.values() if lines[0]["protocol"] or lines[0]["code"] not in REFUSED_EARLY]
    yield from (f"nobody asked for {lines}" for lines in strange)
    if len(missing) > said.dropped:
        yield f"{len(missing)} lines are missing, {said.dropped} were dropped: {missing[:3]}"


def found_codes(lines):
    return [(line["protocol"], line["code"]) for line in lines]


def expected(asked, right):
    """Return what the log must have for a request that was answered."""
    logged = right[asked.version][asked.kind].logged if asked.reached and asked.version else None
    if logged and asked.status == 503:
        return [] if KINDS[asked.kind].health else [(logged[0], "overloaded")]
    return [logged] if logged else []


def faults_of_the_counts(history, said):
    """Yield where counts differ from the log and the clients, beyond what only killed workers had counted."""
    lost = [asked for asked in history if asked.status == 0]
    lines = Counter((line["protocol"], line["code"]) for line in said.lines)
    counters = {"requests_total", "refused_requests_total"}  # the latter without a protocol, like its lines
    counted = {(key[1] or None, key[2]): value for key, value in said.counts.items() if key[0] in counters and value}
    over = {key: counted.get(key, 0) - lines[key] for key in counted.keys() | lines.keys()}
    if min(over.values()) < 0 or sum(over.values()) > len(lost) + said.dropped:
        yield f"requests_total is more than the log's lines by {over}, with {len(lost)} lost and {said.dropped} dropped"
    rows = sum(KINDS[asked.kind].rows for asked in history if asked.status == 200)
    most = rows + sum(KINDS[asked.kind].rows for asked in lost)
    total = sum(value for key, value in said.counts.items() if key[0] == "rows_total")
    if not rows <= total <= most:
        yield f"rows_total is {total}; clients got answers for {rows}, and lost {most - rows}"
    if said.torn > len(lost):
        yield f"{said.torn} torn lines, with {len(lost)} requests lost"
    for name, value in (("in_progress_requests", 0), ("draining", 0), ("ready_workers", 2)):
        if said.counts[name, "", ""] != value:
            yield f"{name} is {said.counts[name, '', '']}"
