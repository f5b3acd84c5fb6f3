"""README's commands, asked of a real server, give what README says."""

import re
import shlex
from itertools import pairwise

from tests.conftest import ROOT

BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)


def examples():
    """Return each curl line of README with the answer that follows it."""
    lines = "".join(BLOCK.findall((ROOT / "README.md").read_text())).splitlines()
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


def test_readme_has_examples():
    """The pattern finds them."""
    assert len(examples()) >= 6


def test_readmes_curl_lines_give_what_readme_says(serve):
    """An ellipsis stands for whatever follows."""
    server = serve()
    with server.connect() as connection:
        for command, expected in examples():
            answer = ask(connection, command)
            pattern = ".*".join(map(re.escape, expected.split("…")))
            assert re.match(pattern, answer, re.DOTALL), f"{command}\n{answer}"
