"""The pictures of README: made here, into PICTURES if that is set (`make pictures`)."""

import io
import os
import pty
import re
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from playwright.sync_api import expect
from rich.console import Console
from rich.text import Text

from tests.conftest import ROOT
from tests.system.browser import churn
from tests.system.conftest import launching

MOST_BYTES = 200_000
SHOWN = ROOT / "docs/images"
COLUMNS = ["customer", "tenure_months", "monthly_charge", "age", "support_calls", "contract", "payment"]
CONTRACTS, PAYMENTS = ["month to month", "one year", "two years"], ["card", "direct debit", "invoice"]


WIDTH = 108
SCORE = ["score", "customers.csv", "scored.csv", "--model", "churn", "--bad-rows", "refused.csv"]
FRAMES = re.compile(r"\r(?:\x1b\[1A)?\x1b\[2K")  # a progress bar starts its line anew
MOVES = re.compile(r"\x1b\[[?0-9;]*[A-Zhl]|\r")  # what moves or hides the cursor; colours stay
FONTS = re.compile(r",?\s*url\([^)]*\) format\([^)]*\)")  # of elsewhere


@pytest.fixture(scope="module")
def bundle(make_once):
    return make_once("-c", churn.PACK)


@pytest.fixture(scope="module")
def server(tmp_path_factory, bundle):
    with launching(tmp_path_factory, bundle) as launch:
        server = launch(WEB_CONCURRENCY="1")
        server.wait_until_ready()
        yield server


@pytest.fixture
def folder(tmp_path):
    """Return where pictures go: where they are asked for, else where they are forgotten."""
    return Path(os.environ.get("PICTURES", tmp_path))


def customers(count):
    """Write a file of customers, two of whom have a value that the model does not take."""
    rows = [
        [f"C{at:05}", at % 61, 20.5 + at % 97, 18 + at % 70, at % 5, CONTRACTS[at % 3], PAYMENTS[at % 2]]
        for at in range(count)
    ]
    rows[41][5], rows[count - 90][2] = "two weeks", "n/a"
    return "\n".join(",".join(map(str, row)) for row in [COLUMNS, *rows])


def predicted(page):
    """Fill in a customer who may leave, and wait for the answer."""
    page.locator("#form").get_by_label("support_calls", exact=True).fill("4")
    page.get_by_role("button", name="Predict", exact=True).click()
    expect(page.get_by_role("region", name="Answer").last).to_contain_text("Round trip")
    page.evaluate("document.activeElement.blur()")


def scored(page):
    """Predict a file with two rows that are refused."""
    page.get_by_label("Choose a CSV file").set_input_files(
        [{"name": "customers.csv", "mimeType": "text/csv", "buffer": customers(5000).encode()}]
    )
    page.get_by_role("button", name="Predict all rows").click()
    page.get_by_role("button", name="Skip refused rows").click()
    expect(page.get_by_role("link", name="Download 4,998 rows")).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    page.locator("#files").evaluate("section => section.scrollIntoView()")


LIGHT = {"viewport": {"width": 1200, "height": 860}, "color_scheme": "light"}
DARK = {"viewport": {"width": 1200, "height": 860}, "color_scheme": "dark"}
PHONE = {"viewport": {"width": 390, "height": 700}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


@pytest.mark.parametrize(
    ("name", "options", "act"),
    [("page-light", LIGHT, predicted), ("page-dark", DARK, scored), ("page-phone", PHONE, predicted)],
)
def test_a_picture_of_readme_is_made(visit, server, folder, name, options, act):
    """It is small enough for a README, and so is the one that README shows."""
    page = visit(server.port, reduced_motion="reduce", **options).page
    act(page)
    page.screenshot(path=folder / f"{name}.png", animations="disabled")

    assert MOST_BYTES > (folder / f"{name}.png").stat().st_size
    assert MOST_BYTES > (SHOWN / f"{name}.png").stat().st_size
    assert f"docs/images/{name}.png" in (ROOT / "README.md").read_text()


def on_a_terminal(command, folder):
    """Run a command on a terminal of its own; return what it wrote there."""
    ours, theirs = pty.openpty()
    environ = {**os.environ, "COLUMNS": str(WIDTH), "TERM": "xterm-256color", "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, cwd=folder, env=environ, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    written = b""
    with suppress(OSError):  # which Linux has for the end of a terminal
        while piece := os.read(ours, 65536):
            written += piece
    os.close(ours)
    process.wait()
    return written.decode()


def test_the_picture_of_score_in_a_terminal_is_made(bundle, folder, tmp_path):
    """A progress bar on its way, what came of it, and the rows that were left out."""
    (tmp_path / "customers.csv").write_text(customers(100_000))
    (tmp_path / "churn").symlink_to(bundle)
    frames = FRAMES.split(on_a_terminal([sys.executable, "-m", "model", *SCORE], tmp_path))
    bars = [frame for frame in frames if " rows, " in frame and "100%" not in frame]
    refused = (tmp_path / "refused.csv").read_text().rstrip()
    lines = ["$ ml-service " + " ".join(SCORE), bars[-1], frames[-1].strip(), "$ cat refused.csv", refused]
    console = Console(record=True, width=WIDTH, file=io.StringIO())
    console.print(Text.from_ansi(MOVES.sub("", "\n".join(lines))))
    picture = FONTS.sub("", console.export_svg(title="ml-service score", unique_id="score"))
    (folder / "score.svg").write_text(picture)

    assert "99,998 rows scored" in MOVES.sub("", frames[-1])
    assert "two weeks" in refused
    assert MOST_BYTES > max(len(picture), (SHOWN / "score.svg").stat().st_size)
    assert "docs/images/score.svg" in (ROOT / "README.md").read_text()
