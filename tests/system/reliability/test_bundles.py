"""A wrong bundle replaces the served one under load: only the operator notices."""

import shutil
import signal

import pytest

from tests.bundles import part
from tests.system.conftest import eventually
from tests.system.reliability import owncode
from tests.system.reliability.load import Load

RIGHT = b'{"prediction":0,"probability":0.97'


def garbage(bundle, _):
    """Replace the bundle's file by garbage."""
    part(bundle, "skops").write_bytes(b"garbage")


def segfault(bundle, code):
    """Leave a valid bundle of a type whose module ends the process that imports it."""
    made = owncode.make(code)
    (code / "computing.py").write_text("import ctypes\nctypes.string_at(0)\n")
    shutil.rmtree(bundle)
    shutil.copytree(made, bundle)


WRONG = {"garbage": garbage, "one whose load segfaults": segfault}


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_bundle_is_refused_and_the_old_model_serves_on(serve, iris_bundle, tmp_path, report, kind):
    """A wrong bundle is refused, with a metric and a line on stderr; all requests get the old model's answers."""
    bundle, code = shutil.copytree(iris_bundle, tmp_path / "bundle"), tmp_path / "code"
    code.mkdir()
    server = serve(bundle, WEB_CONCURRENCY="2", MODEL_CODE=str(code))
    before = eventually(server.workers, "workers")
    with Load(server.port, clients=4, rate=100) as load:
        WRONG[kind](bundle, code)
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: server.metric("model_reloads_total") == 1, "a reload")
        eventually(lambda: server.without(before), "new workers")
        seen = len(load.answers)
        eventually(lambda: len(load.answers) > seen + 100, "load")

    wrong = [answer for answer in load.answers if answer.status != 200 or not answer.body.startswith(RIGHT)]
    assert [] == wrong
    assert "is not served, the old one stays: " in server.errors
    with server.connect() as connection:
        assert b'mlservice_model_reloads_total{outcome="failed"} 1.0' in connection.ask("GET", "/metrics")[2]
    report(f"a bundle replaced by {kind}", load, "the old one serves, counted, said on stderr")
