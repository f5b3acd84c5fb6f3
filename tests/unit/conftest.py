"""What several unit tests need."""

import pytest

from model.commands.cli import main


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
