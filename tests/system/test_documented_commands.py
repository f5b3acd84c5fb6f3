"""The curl commands of README and docs/: a real server gives the answers that stand under them."""

import re
import shlex
from itertools import pairwise

from tests.conftest import ROOT

BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def examples():
    """Return each curl line of the pages with the answer that follows it."""
    lines = "\n".join(block for page in PAGES for block in BLOCK.findall(page.read_text())).splitlines()
    return [
        (line, answer) for line, answer in pairwise(lines) if line.startswith("$ curl") and not answer.startswith("$")
    ]


def ask(connection, command):
    """Do what curl would do of a command."""
    words = iter(shlex.split(command)[2:])
    headers, body, path = {}, None, None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            body = next(words)
        elif word != "-s":
            path = word.removeprefix("localhost:8000")
    _, _, content = connection.ask("POST" if body else "GET", path, body, **headers)
    return content.decode()


def test_the_pages_have_examples():
    """The pattern finds those of README and of docs/protocols.md."""
    assert len(examples()) >= 7


def test_curl_lines_give_the_answers_that_stand_under_them(serve):
    """An ellipsis stands for whatever follows."""
    server = serve()
    with server.connect() as connection:
        for command, expected in examples():
            answer = ask(connection, command)
            pattern = ".*".join(map(re.escape, expected.split("…")))
            assert re.match(pattern, answer, re.DOTALL), f"{command}\n{answer}"
