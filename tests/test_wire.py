"""The wire folder, held to what it is for: bytes in, bytes out."""

import ast

from tests.conftest import ROOT
from tests.test_architecture import imports, modules

INPUT_OUTPUT = {
    *("asyncio", "datetime", "http", "logging", "multiprocessing", "os", "pathlib", "pickle", "random", "select"),
    *("shutil", "signal", "socket", "subprocess", "sys", "tempfile", "threading", "time", "urllib"),
}
# Functions of header values, forms and paths: no framework, no I/O.
OF_STRINGS = ("werkzeug.http.", "urllib.parse.")


def test_the_wire_knows_bytes_and_nothing_of_the_world():
    """Codecs import no framework and nothing that reads, writes, waits, counts or tells the time."""
    wire = {
        name: path for name, path in modules(ROOT).items() if name.startswith(("service.formats", "service.protocols"))
    }
    outer = {target for path in wire.values() for target, _ in imports(path) if not target.startswith(OF_STRINGS)}
    packages = {target.partition(".")[0] for target in outer}
    inner = {target for path in wire.values() for target, _ in imports(path) if target.startswith("service")}
    calls = {
        node.func.id
        for path in wire.values()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert len(wire) > 10
    assert set() == packages & {"flask", "werkzeug", "gunicorn", "prometheus_client", *INPUT_OUTPUT}
    assert not any(target.startswith(("service.monitoring", "service.http")) for target in inner)
    assert set() == calls & {"open", "print", "input", "exec", "compile", "__import__"}
