"""What a start that fails says, for each cause: the application is started as wsgi.py does, in a forked process.

tests/system/test_failed_starts.py starts the whole server for some of these causes. A fork does not import the
libraries again, which takes seconds.
"""

import faulthandler
import os
import re
import shutil
import sys

import pytest

from model.forking import in_fork
from service.assembly import start
from service.config.exit_line import one_line_exit
from tests.system.own_code import FOLDER, OWN, PACK
from tests.system.test_failed_starts import BUNDLES, CODE

# One needs a limit on the memory of the whole process, the other takes seconds.
BY_A_SERVER_ONLY = {"more than there is memory for", "a hang"}


@pytest.fixture
def line_of(tmp_path):
    """Start the application in a forked process, where it fails; return the one line that it wrote to stderr."""
    errors = tmp_path / "stderr"

    def begin(environ):
        faulthandler.disable()  # pytest's, which would report the crash of own code
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT), 2)
        sys.stderr = os.fdopen(2, "w")
        sys.modules.pop("own_code", None)  # of another test
        try:
            with one_line_exit(1):
                start(environ)
        except SystemExit as end:
            return {"status": end.code}
        return {"status": 0}

    def run(**environ):
        assert {"status": 1} == in_fork(lambda: begin(environ), 60)
        (line,) = errors.read_text().splitlines()
        return line

    return run


@pytest.mark.parametrize("name", sorted(BUNDLES.keys() - BY_A_SERVER_ONLY))
def test_a_bundle_that_is_wrong_is_one_line(line_of, iris_bundle, tmp_path, name):
    """With its code, what was found, and what was expected."""
    damage, environ, expected = BUNDLES[name]
    bundle = shutil.copytree(iris_bundle, tmp_path / "bundle")
    damage(bundle)

    assert re.search(f"^ml-service: .*{expected}", line_of(MODEL_DIR=str(bundle), **environ))


@pytest.mark.parametrize("name", sorted(CODE.keys() - BY_A_SERVER_ONLY))
def test_own_code_that_is_wrong_is_one_line(line_of, make_once, tmp_path, name):
    """It is imported in a process of its own, whose end, however it comes, is not the server's."""
    code, expected = CODE[name]
    bundle = make_once("-c", FOLDER + PACK, "own_code", OWN) / "bundle"
    (tmp_path / "own_code.py").write_text(code)

    assert re.search(f"^ml-service: {expected}", line_of(MODEL_DIR=str(bundle), MODEL_CODE=str(tmp_path)))
