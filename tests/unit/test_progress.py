"""What commands show on a terminal while they work."""

import re
import signal
import sys

import joblib
import numpy as np
from sklearn.ensemble import RandomForestClassifier

from model.commands.console import Console
from model.packing.pack import pack
from model.steps import Step
from tests.terminal import Terminal, on_terminal

ROWS = np.random.default_rng(0).normal(size=(200, 3))
FOREST = RandomForestClassifier(5, random_state=0).fit(ROWS, ROWS[:, 0] > 0)


def test_a_pack_tells_each_step_once_and_in_order(tmp_path):
    """All steps of packing are told in the order of their list; reading files is up to the command."""
    told = []

    pack(FOREST, tmp_path / "bundle", name="test", data=ROWS, progress=told.append)

    assert [step for step in Step if step not in (Step.READ_MODEL, Step.READ_DATA)] == told


def pack_forest(tmp_path, *options, **environ):
    joblib.dump(FOREST, tmp_path / "forest.joblib")
    words = ["pack", str(tmp_path / "forest.joblib"), "--output", str(tmp_path / "bundle"), *options]
    return on_terminal([sys.executable, "-m", "model", *words], **environ)


def test_a_terminal_shows_each_stage_with_a_bar_that_is_erased(tmp_path):
    """The stages of a pack stand beside a bar with the share done; the last thing done is to erase the line."""
    code, said = pack_forest(tmp_path)

    assert 0 == code
    for stage in (Step.COMPILE, Step.COMPARE_RANDOM, Step.VERIFY):
        assert f"{stage} …" in said
    shares = list(map(int, re.findall(r" (\d+)%", said)))
    assert (0, sorted(shares)) == (shares[0], shares)
    assert 86 == shares[-1]
    assert "\x1b[2K" in said.rpartition("86%")[2]  # ECMA-48: erase the line


def test_quiet_draws_nothing_on_a_terminal(tmp_path):
    """With --quiet only the report is left, without colours where NO_COLOR says so."""
    code, said = pack_forest(tmp_path, "--quiet", NO_COLOR="1")

    assert 0 == code
    assert said.startswith("engine: onnx")
    assert "\x1b" not in said


def test_tables_fit_the_terminal_and_follow_no_color(iris_bundle):
    """Tables are as wide as the terminal, lines to copy stay whole, and colours are there unless NO_COLOR is set."""
    command = [sys.executable, "-m", "model", "check", str(iris_bundle)]
    code, coloured = on_terminal(command)
    _, plain = on_terminal(command, NO_COLOR="1")

    assert 0 == code
    assert "\x1b[32mok" in coloured
    assert "\x1b[32m" not in plain
    table, _, advice = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", plain.rpartition("\x1b[2K")[2]).partition("╯")
    assert 1 == len({len(line) for line in table.splitlines()[:-1]})
    assert re.search("pin: set MODEL_SHA256=[0-9a-f]{64}", advice)


def test_an_interrupted_command_says_so_and_ends_with_130(iris_bundle):
    """Ctrl-C is no traceback, and leaves no process behind."""
    with Terminal([sys.executable, "-m", "model", "bench", str(iris_bundle), "--seconds", "60"]) as terminal:
        terminal.read("predicting batches")
        terminal.process.send_signal(signal.SIGINT)
        code = terminal.wait()

    assert 130 == code
    assert terminal.plain.endswith("ml-service: interrupted\n")


def test_nothing_is_drawn_where_stderr_is_no_terminal(capfd):
    """A log or a pipe gets no progress."""
    with Console().progress() as progress:
        progress("compiling", 1, 2)

    assert ("", "") == capfd.readouterr()
