"""README, word by word: its lines for somebody with a model of their own, run where the wheel is installed."""

import re
import shlex
import subprocess
import urllib.request

import pytest

from tests.conftest import ROOT
from tests.system.conftest import eventually
from tests.system.install.conftest import in_environments, variables

pytestmark = in_environments("current")
SECTION = (ROOT / "README.md").read_text().partition("## Your own model")[2].partition("\n## ")[0]
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
# They make the environment, or need Docker.
ELSEWHERE = ("python3 -m venv", "source ", "pip ", "make ", "docker ")


def blocks(kind):
    return [text for name, text in BLOCK.findall(SECTION) if name == kind]


def commands():
    """Return the lines that follow a dollar sign."""
    lines = [line[2:] for text in blocks("console") for line in text.splitlines() if line.startswith("$ ")]
    return [line for line in lines if not line.startswith(ELSEWHERE)]


@pytest.fixture
def reader(installed, workplace):
    """Make a directory of the reader's, and the variables of their shell; the browser notes what it is to open."""
    (workplace / "bundle").rmdir()
    browser = workplace / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {workplace}/opened\n')
    browser.chmod(0o755)
    path = f"{installed.folder / 'bin'}:{variables()['PATH']}"
    return workplace, {**variables(), "PATH": path, "BROWSER": f"{browser} %s", "PORT": "0"}


def follow(line, folder, environ):
    """Do what a line says; one that serves goes on until the page is opened, which is what is returned."""
    if " serve " not in line:
        return subprocess.run(shlex.split(line), cwd=folder, env=environ, check=True, capture_output=True).stdout
    server = subprocess.Popen(shlex.split(line), cwd=folder, env=environ, stdout=subprocess.DEVNULL)
    try:
        address = eventually(
            lambda: (folder / "opened").exists() and (folder / "opened").read_text(), "the page"
        ).strip()
        request = urllib.request.Request(address, headers={"Accept": "text/html"})
        with urllib.request.urlopen(request) as page:
            return page.read()
    finally:
        server.terminate()
        server.wait(30)


def test_its_lines_do_what_they_say(reader):
    """A model is fitted, packed and served, its page opens in the browser, and a file is scored."""
    folder, environ = reader
    fit, _ = blocks("python")
    (folder / "fit.py").write_text(fit)

    said = {line.split()[1]: follow(line, folder, environ) for line in commands()}

    assert ["fit.py", "pack", "serve", "score"] == list(said)
    assert b"tumours" in said["serve"]
    assert 570 == len((folder / "scored.csv").read_text().splitlines())


def test_its_notebook_works(reader):
    """With the model of the lines before it."""
    folder, environ = reader
    (folder / "notebook.py").write_text("\n".join([*blocks("python"), "print(server)"]))

    said = follow("python notebook.py", folder, environ).decode()

    assert "<mlservice.Server randomforestclassifier 1 (onnx) at http://127.0.0.1:" in said
