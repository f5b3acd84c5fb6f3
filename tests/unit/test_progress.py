"""What a pack shows on a terminal while it works."""

import io

import numpy as np
from sklearn.ensemble import RandomForestClassifier

from model.commands.progress import progress_bar
from model.packing.pack import pack
from model.steps import Step

ROWS = np.random.default_rng(0).normal(size=(200, 3))
FOREST = RandomForestClassifier(5, random_state=0).fit(ROWS, ROWS[:, 0] > 0)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self):
        return True


def test_a_pack_tells_each_step_once_and_in_order(tmp_path):
    """All steps of packing are told in the order of their list; reading files is up to the command."""
    told = []

    pack(FOREST, tmp_path / "bundle", name="test", data=ROWS, progress=told.append)

    assert [step for step in Step if step not in (Step.READ_MODEL, Step.READ_DATA)] == told


def test_a_terminal_shows_each_steps_name_and_is_left_clean():
    """The line is drawn anew for each step with its name and how many are done, and erased at the end."""
    terminal = Terminal()

    with progress_bar(terminal) as progress:
        progress(Step.READ_MODEL)
        progress(Step.VERIFY)

    erased, first, last, end = terminal.getvalue().split("\r\x1b[K")
    assert ("", "") == (erased, end)
    assert f"[{'.' * len(Step)}] reading the model …" == first
    assert f"[{'#' * (len(Step) - 1)}.] loading the bundle and verifying it …" == last


def test_nothing_is_drawn_where_stderr_is_no_terminal():
    """A log or a pipe gets no progress."""
    stream = io.StringIO()

    with progress_bar(stream) as progress:
        progress(Step.COMPILE)

    assert "" == stream.getvalue()
