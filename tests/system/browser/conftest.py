"""Chromium, and pages in it that fail a test by what a person would not see: errors, violations, requests elsewhere."""

import os
import shutil
from contextlib import ExitStack

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.conftest import ROOT
from tests.system.browser.visits import SECONDS, Visit
from tests.system.conftest import launching

AXE = ROOT / ".venv-browser/node_modules/axe-core/axe.min.js"


def pytest_collection_modifyitems(items):
    """Mark everything in this folder: it needs Chromium, Playwright and axe-core."""
    for item in items:
        if item.path.parent.name == "browser":
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    """Start the distribution's Chromium, once."""
    program = shutil.which("chromium")
    assert program, "chromium is not installed: `make test-browser` installs it when run as root"
    # Chromium's sandbox needs a user that is not root.
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    expect.set_options(timeout=SECONDS * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium):
    """Open pages of a server, each in a browser context of its own."""
    with ExitStack() as contexts:

        def start(port, path="/", **options):
            context = contexts.enter_context(chromium.new_context(**options))
            visit = Visit(context, f"http://127.0.0.1:{port}", AXE)
            visit.open(path)
            return visit

        yield start


@pytest.fixture
def visit(opened):
    """Open pages which have had no problem when the test ends."""
    visits = []

    def start(*arguments, **options):
        visits.append(opened(*arguments, **options))
        return visits[-1]

    yield start
    assert [] == [problem for each in visits for problem in each.problems()]


@pytest.fixture(scope="module")
def iris(tmp_path_factory, iris_bundle):
    """Serve the reference model to all tests of a file."""
    with launching(tmp_path_factory, iris_bundle) as launch:
        server = launch(WEB_CONCURRENCY="1")
        server.wait_until_ready()
        yield server
