"""The contract matrix: one image, started, probed, asked and stopped as each platform documents it.

What was done and what came back is docs/platforms.md: with CONTRACTS=docs/platforms.md, the test writes it.
"""

import json
import os
import socket
import time
from functools import partial
from pathlib import Path
from statistics import median

import pytest

from tests.conftest import ROOT
from tests.contracts import CONTRACTS
from tests.system.conftest import eventually
from tests.system.containers import docker

pytestmark = pytest.mark.image
PAGE = ROOT / "docs/platforms.md"
HEAD = """# Platforms

Written by `tests/system/test_contracts.py`, which `make test-image` runs: one image, started, probed, asked and stopped
as each platform documents it. "Any user" is one that the image does not know; "nothing to write to" is `--read-only`,
without capabilities.
[Operations](operations.md#platforms) says how a platform is recognised, and what follows.

| platform | what it does | what it gets |
|---|---|---|
"""
LISTENING = """
from pathlib import Path
lines = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
print(*sorted({int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A"}))
"""


def asked(container, step):
    """Return what comes back, as the page has it."""
    begin = time.monotonic()
    status, _, content = container.ask(step.method, step.path, step.content, step.kind, **step.headers)
    late = step.within is not None and time.monotonic() - begin > step.within
    if isinstance(step.answer, dict | tuple):
        found = json.loads(content)
        content = {name: found.get(name) for name in step.answer} if isinstance(step.answer, dict) else tuple(found)
    return "late" if late else as_line(step, status, None if step.answer is None else content)


def as_line(step, status, answer):
    """Return an answer in one line."""
    soon = "" if step.within is None else f", within {step.within} s"
    if answer is None:
        return f"{status}{soon}"
    if isinstance(answer, tuple):
        return f"{status}{soon}, with {', '.join(f'`{name}`' for name in answer)}"
    text = answer.decode().encode("unicode_escape").decode() if isinstance(answer, bytes) else json.dumps(answer)
    return f"{status}{soon} `{text}`"


def before_requests(contract, container):
    """Do what is no request; yield what was done and what was found."""
    platform = container.settings()["PLATFORM"]
    if platform != "None":
        yield "is recognised in the log", f"`PLATFORM={platform}`"
    if contract.name == "Knative":
        yield "ports that it listens on", docker("exec", container.name, "python", "-c", LISTENING)
    if contract.name == "SageMaker":
        address = json.loads(container.state(".NetworkSettings.Networks.bridge.IPAddress"))
        times = []
        for _ in range(20):
            begin = time.monotonic()
            socket.create_connection((address, int(contract.port)), 60).close()
            times.append(time.monotonic() - begin)
        yield "20 connections, median", "less than 0.25 s" if median(times) < 0.25 else f"{median(times):.2f} s"
    if contract.name == "Dockerflow":
        user = docker("exec", container.name, "id", "-u")
        yield "user", user
        file = json.loads(docker("exec", container.name, "cat", "/app/version.json"))
        same = file == json.loads(container.ask("GET", "/__version__")[2])
        yield "`/app/version.json`", "what `/__version__` says" if same else str(file)


def while_it_drains(contract, container):
    """After SIGTERM, yield what is answered."""
    if contract.drains:
        eventually(lambda: container.ask("GET", contract.drains)[0] == 503, f"{contract.drains} is 503")
        yield f"SIGTERM, then `GET {contract.drains}`", "503"
        last = contract.steps[-1]
        yield f"`{last.request}`", asked(container, last)


@pytest.fixture
def containers(run, mounted):
    """Start the image as each platform does, all of them at once."""

    def started(contract):
        drain = ("--env", f"DRAIN_SECONDS={8 if contract.drains else 0}")
        mount = ("--volume", f"{mounted}:{contract.mount}:ro") if contract.mount else ()
        return run(*contract.options, *drain, *mount, inner=contract.port, arguments=contract.arguments, wait=False)

    return [started(each) for each in CONTRACTS]


def while_it_serves(contract, container):
    """Yield what a platform does, what it gets, and what it is to get if the contract says that."""
    eventually(partial(container.ready, contract.steps[0].path), contract.name)
    yield f"starts it: {contract.run}", "ready", "ready"
    for done, got in before_requests(contract, container):
        yield done, got, got
    for step in contract.steps:
        about = f" ({step.about})" if step.about else ""
        yield f"`{step.request}`{about}", asked(container, step), as_line(step, step.status, step.answer)


def test_each_platform_gets_what_it_documents(containers, tmp_path):
    """Every probe and prediction of every platform, to containers of the same image that run beside one another."""
    served = [list(while_it_serves(*each)) for each in zip(CONTRACTS, containers, strict=True)]
    names = [each.name for each in containers]
    docker("kill", "--signal", "TERM", *names)
    sent = time.monotonic()
    drained = [list(while_it_drains(*each)) for each in zip(CONTRACTS, containers, strict=True)]
    ended = docker("wait", *names).split()
    soon = time.monotonic() - sent < 30
    page = HEAD
    for contract, serving, draining, status in zip(CONTRACTS, served, drained, ended, strict=True):
        end = ("exit" if contract.drains else "SIGTERM, exit", status + ", within 30 s" * soon)
        rows = [*((done, got) for done, got, _ in serving), *draining, end]
        firsts = [f"**{contract.name}** ({contract.source})", *[""] * (len(rows) - 1)]
        page += "".join(f"| {first} | {done} | {got} |\n" for first, (done, got) in zip(firsts, rows, strict=True))
    Path(os.environ.get("CONTRACTS", tmp_path / "platforms.md")).write_text(page)

    assert [[step[2] for step in each] for each in served] == [[step[1] for step in each] for each in served]
    assert PAGE.read_text() == page
