"""The command that fetches, with a bucket's variables and no others."""

import os
import subprocess
import sys

from tests.conftest import ROOT

PATH = {"PATH": os.environ["PATH"]}


def start(bucket, folder, *options, **environ):
    """Start the command that fetches."""
    command = [sys.executable, "-m", "model", "fetch", bucket.uri, folder, *options]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    given = {**PATH, **bucket.environ, **environ}
    return subprocess.Popen(command, cwd=ROOT, env={name: each for name, each in given.items() if each}, **pipes)


def fetch(bucket, folder, *options, **environ):
    """Run the command: its exit code, and what it says."""
    process = start(bucket, folder, *options, **environ)
    out, err = process.communicate(timeout=120)
    assert "hidden" not in out + err
    return process.returncode, out + err
