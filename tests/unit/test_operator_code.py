"""Modules that one process reads and another imports, whatever happens to their files in between."""

import importlib
import pkgutil
import shutil
import sys

import pytest

from model.bundle.operator_code import record_imports, replay_imports


@pytest.fixture
def code(tmp_path, monkeypatch):
    """Make a directory of a module, a package with a module and a data file, and a namespace package."""
    folder = tmp_path / "code"
    for name, content in {
        "own_module.py": "import own_package.part\nVALUE = own_package.part.VALUE",
        "own_package/__init__.py": "import pkgutil\nTEXT = pkgutil.get_data(__name__, 'text')",
        "own_package/part.py": "import own_space.place\nVALUE = own_space.place.VALUE",
        "own_package/text": "é",
        "own_space/place.py": "VALUE = 1",
    }.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield folder
    forget()


def forget():
    for name in [name for name in sys.modules if name.startswith("own_")]:
        del sys.modules[name]


def test_modules_are_imported_as_they_were_read(code):
    """Recorded packages, namespace packages and data files are imported without touching the directory."""
    with record_imports(code) as modules:
        importlib.import_module("own_module")
    forget()
    shutil.rmtree(code)
    sys.path.remove(str(code))

    with replay_imports(modules):
        importlib.import_module("own_module")
    del sys.modules["own_module"]
    module = importlib.import_module("own_module")

    assert 1 == module.VALUE
    assert "é".encode() == sys.modules["own_package"].TEXT
    assert str(code / "own_module.py") == module.__file__
    assert b"import own_space.place" in pkgutil.get_data("own_package", "part.py")


def test_what_was_held_stays_held_unless_it_cannot_be_loaded(code):
    """Recorded modules stay importable, unless loading the model that needs them fails."""
    with record_imports(code) as modules:
        importlib.import_module("own_module")
    forget()
    with replay_imports(modules):
        pass
    (code / "own_space" / "place.py").write_text("VALUE = 2")
    with record_imports(code) as changed:
        importlib.import_module("own_space.place")
    forget()
    shutil.rmtree(code)

    with pytest.raises(ZeroDivisionError), replay_imports(changed):
        raise ZeroDivisionError
    assert 1 == importlib.import_module("own_module").VALUE
    forget()
    with replay_imports(changed):
        pass
    assert 2 == importlib.import_module("own_module").VALUE


def test_a_stale_compiled_copy_is_not_taken(code):
    """A compiled copy with the size and time of a replaced source is ignored."""
    source = code / "own_space" / "place.py"
    importlib.import_module("own_module")
    forget()
    times = source.stat()
    source.write_text("VALUE = 2")
    importlib.import_module("os").utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))

    with record_imports(code):
        assert 2 == importlib.import_module("own_module").VALUE


def test_other_modules_are_none_of_its_business(code, tmp_path):
    """Modules of other directories are imported as usual, and not recorded."""
    with record_imports(tmp_path / "code2") as modules:
        importlib.import_module("own_module")
    with record_imports(None) as nothing:
        importlib.import_module("own_module")

    assert ({}, {}) == (modules.found, modules.files)
    assert ({}, {}) == (nothing.found, nothing.files)
