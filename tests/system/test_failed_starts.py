"""A start that fails is one line on stderr, which says what is wrong and what to do, and an exit code that is not 0.

Whole servers are started for one failure of each kind; tests/unit/test_failed_starts.py has all of BUNDLES and CODE.
"""

import json
import os
import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.system.conftest import DEADLINE, eventually, gone

# What gunicorn says when it stops.
STOPPING = r"\[.*\] \[\d+\] \[(INFO|ERROR)\] (Shutting down: |Reason: |Worker |Handling signal: )"


def refused(server):
    """Wait until a server has ended that does not start; return its one line."""
    assert 0 != server.process.wait(2 * DEADLINE)
    lines = server.errors.splitlines()
    (line,) = [line for line in lines if line.startswith("ml-service: ")]
    assert [] == [each for each in lines[lines.index(line) + 1 :] if not re.match(STOPPING, each)]
    assert "Traceback" not in server.errors
    return line


@pytest.fixture
def bundle(iris_bundle, tmp_path):
    return shutil.copytree(iris_bundle, tmp_path / "bundle")


def manifest(change):
    def damage(bundle):
        document = json.loads((bundle / "manifest.json").read_text())
        change(document)
        (bundle / "manifest.json").write_text(json.dumps(document))

    return damage


def golden(change):
    return manifest(lambda document: change(document["golden"]))


def signature(**changes):
    return manifest(lambda document: document["signature"].update(changes))


def in_place_of(pattern, make):
    """Put something else in the place of a file."""

    def damage(bundle):
        (path,) = bundle.glob(pattern)
        path.unlink()
        make(path)

    return damage


def sparse(size):
    def make(path):
        path.touch()
        os.truncate(path, size)

    return make


def large(bundle):
    """Have the manifest speak of more than there is memory for."""
    (path,) = bundle.glob("*.skops")
    manifest(lambda document: document["files"][path.name].update(bytes=2**30))(bundle)
    os.truncate(path, 2**30)


SKLEARN = {"ENGINE": "scikit-learn"}
LITTLE = {"prefix": ["sh", "-c", 'ulimit -v 900000; exec "$@"', "sh"]}
BUNDLES = {
    "golden probabilities": (
        golden(lambda rows: rows["probabilities"][3].__setitem__(0, 0.123)),
        {},
        "golden_mismatch: ",
    ),
    "golden probabilities that are none": (
        golden(lambda rows: rows.update(probabilities=["0.5"])),
        {},
        "golden_mismatch: ",
    ),
    "golden rows of another width": (golden(lambda rows: rows["rows"][0].pop()), {}, "width of the golden rows"),
    "no golden rows": (golden(lambda rows: rows.update(rows=[], labels=[])), {}, "bundle_corrupt: "),
    "fewer features": (
        manifest(lambda document: document["signature"]["features"].pop()),
        SKLEARN,
        "bundle_corrupt: the manifest says width of the golden rows",
    ),
    "another task": (signature(task="regressor"), SKLEARN, "bundle_corrupt: the manifest says task"),
    "other classes": (signature(classes=[[0, 1, 3]]), SKLEARN, "bundle_corrupt: the manifest says classes"),
    "another signature than the compiled model's": (
        signature(classes=[[0, 1, 3]]),
        {},
        "bundle_corrupt: the compiled model was made for another signature",
    ),
    "a FIFO": (in_place_of("*.skops", os.mkfifo), {}, r"bundle_corrupt: .*\.skops is a FIFO, expected a regular file"),
    "a manifest that is a FIFO": (in_place_of("manifest.json", os.mkfifo), {}, "manifest.json is a FIFO, expected"),
    "a device": (
        in_place_of("*.onnx", lambda path: path.symlink_to("/dev/zero")),
        {},
        r"\.onnx is a character device, expected a regular file",
    ),
    "a directory": (in_place_of("manifest.json", Path.mkdir), {}, "manifest.json is a directory, expected"),
    "a sparse file": (in_place_of("*.skops", sparse(6 << 30)), {}, r"\.skops has 6442450944 bytes, expected a regular"),
    "a sparse manifest": (in_place_of("manifest.json", sparse(6 << 30)), {}, "manifest.json has 6442450944 bytes, exp"),
    "more than there is memory for": (
        large,
        LITTLE,
        r"no_room: .*\.skops has 1073741824 bytes, more than there is mem",
    ),
}
# One for each engine, of files that are read, and of the memory of the process.
WHOLE = ("golden probabilities", "fewer features", "a FIFO", "a sparse file", "more than there is memory for")


@pytest.mark.parametrize("name", WHOLE)
def test_a_bundle_that_is_wrong_is_one_line(launch, bundle, name):
    """Nothing waits, no memory is filled, and no worker is started for it."""
    damage, environ, expected = BUNDLES[name]
    damage(bundle)

    server = launch(bundle, **environ)

    assert re.search(expected, refused(server))
    assert "Booting worker" not in server.errors


CODE = {
    "a syntax error": ("this is no Python\n", r"bad_code: own_code, .*\(SyntaxError: .*correct it"),
    "an exception": (
        "raise RuntimeError('two\\nlines')\n",
        r"bad_code: own_code, .*\(RuntimeError: two lines\); correct it",
    ),
    "an exit": ("raise SystemExit(0)\n", r"bad_code: own_code, .*\(SystemExit: 0\); correct it"),
    "something that is not installed": (
        "import nowhere\n",
        r"bad_code: own_code, .*No module named 'nowhere'.*correct it",
    ),
    "an exit at once": ("import os\nos._exit(0)\n", "boot_failed: it hangs, or crashes the process that tries it; see"),
    "a crash": ("import ctypes\nctypes.string_at(0)\n", "boot_failed: it hangs, or crashes the process that tries it"),
    "a hang": ("import time\ntime.sleep(600)\n", "boot_failed: it hangs, or crashes the process that tries it"),
}


@pytest.fixture
def serve_own(launch, own, tmp_path):
    """Start a server of the model with other code in the module of its type."""

    def start(code, **environ):
        (tmp_path / "own_code.py").write_text(code)
        return launch(own / "bundle", MODEL_CODE=str(tmp_path), **environ)

    return start


@pytest.mark.parametrize("name", ["an exception", "a crash", "a hang"])
def test_own_code_that_is_wrong_is_one_line(serve_own, name):
    """It is imported in a process of its own, whose end, however it comes, is not the server's."""
    code, expected = CODE[name]
    limit = {"BOOT_SECONDS": "5"} if name == "a hang" else {}

    assert re.search(expected, refused(serve_own(code, **limit)))


def test_a_start_that_hangs_can_be_ended_and_so_is_what_it_tries(serve_own, tmp_path):
    """Nothing is left of either."""
    server = serve_own(f"import time\nopen({str(tmp_path / 'there')!r}, 'w').close()\ntime.sleep(600)\n")
    eventually((tmp_path / "there").exists, "the code imported")
    (trial,) = server.children()

    server.process.send_signal(signal.SIGTERM)

    assert server.process.wait(DEADLINE) in (0, -signal.SIGTERM, 128 + signal.SIGTERM)
    eventually(lambda: gone(trial), "the trial gone")


def with_module(name, code):
    """Have the interpreter find another module in the place of an installed one."""

    def environ(folder):
        (folder / f"{name}.py").write_text(code)
        return {"PYTHONPATH": str(folder)}

    return environ


OTHERS = {
    "tokens in a directory": (
        lambda folder: {"TOKENS_FILE": str(folder)},
        "bad setting: TOKENS_FILE=.* is a directory",
    ),
    "a port that is none": (lambda _: {"PORT": "eighty"}, "bad setting: PORT='eighty': expected a whole number"),
    "16 descriptors": (
        lambda _: {"descriptors": 16},
        r"no_room: 16 descriptors \(ulimit -n\): expected at least \d+ f",
    ),
    "24 descriptors": (lambda _: {"descriptors": 24}, "no_room: 24 descriptors"),
    "32 descriptors for 4 workers": (
        lambda _: {"descriptors": 32, "WEB_CONCURRENCY": "4"},
        "no_room: 32 descriptors .* for WEB_CONCURRENCY=4; allow more, or start fewer workers",
    ),
    "few addresses": (
        lambda _: {"prefix": ["sh", "-c", 'ulimit -v 120000; exec "$@"', "sh"]},
        "no_room: 120000 KiB of address space",
    ),
    "a package that is not there": (
        with_module("flask", "raise ModuleNotFoundError(\"No module named 'flask'\")"),
        "not_installed: No module named 'flask'; install what requirements.txt lists",
    ),
    "a package that is broken": (
        with_module("marshmallow", "1 / 0"),
        r"boot_failed: ZeroDivisionError: .*\(marshmallow",
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_whatever_else_the_server_does_not_get_is_one_line(launch, tmp_path, name):
    """Of the settings, the system, and what is installed."""
    environ, expected = OTHERS[name]

    assert re.search(expected, refused(launch(**environ(tmp_path))))
