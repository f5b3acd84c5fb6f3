"""What several unit tests need."""

import pytest

from model.commands.cli import main
from model.packing import pack as packing
from service.scoring import run as scoring


@pytest.fixture(scope="package", autouse=True)
def _scoring_does_not_collect_the_garbage_of_all_tests():
    """Save half a second for each file that is scored in this process: its heap is that of all tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scoring, "freeze_heap", lambda: None)
        yield


@pytest.fixture
def unproven(monkeypatch):
    """Do without the proof of own code in a new process, which takes seconds."""
    monkeypatch.setattr(packing, "prove_in_fresh_process", lambda *_: None)


@pytest.fixture
def run(capfd, monkeypatch):
    """Run a command as a shell would; return its exit code, and what it wrote."""

    def call(*arguments, **environ):
        with monkeypatch.context() as patched:
            for name, value in environ.items():
                patched.setenv(name, value)
            code = main([str(argument) for argument in arguments], environ)
        return code, *capfd.readouterr()

    return call
