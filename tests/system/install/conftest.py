"""The wheel, built as users build it, and the environments that it is installed into and removed from."""

import fcntl
import os
import subprocess
from dataclasses import dataclass

import pytest

from tests.conftest import ROOT

HERE = ROOT / "tests/system/install"
UV = ROOT / ".venv/bin/uv"
# Names of the application, as files and folders of somebody who has never heard of it.
TAKEN = ("model.py", "service.py", "wsgi.py", "gunicorn.conf.py", "settings.py", "errors.py")


def in_environments(*names):
    """Run a test in each of these environments."""
    return pytest.mark.parametrize(
        "environment", [pytest.param(name, marks=pytest.mark.install) for name in names], indirect=True
    )


def variables():
    """Return this machine's environment variables, without those of the Python that runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PYTEST", "VIRTUAL"))}


def run(*command, cwd, **environ):
    """Run a command as in a shell of its own; return what it prints."""
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**variables(), **environ},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


@dataclass(frozen=True)
class Environment:
    """An environment of somebody's, with libraries that are there before ml-service is."""

    name: str

    @property
    def folder(self):
        return ROOT / ".venv-install" / self.name

    @property
    def python(self):
        return self.folder / "bin/python"

    @property
    def command(self):
        return self.folder / "bin/ml-service"

    def install(self, *what):
        """Install without an index: whatever is needed must be there, as it is."""
        run(UV, "pip", "install", "--quiet", "--offline", "--no-index", "--python", self.python, *what, cwd=ROOT)

    def uninstall(self):
        run(UV, "pip", "uninstall", "--quiet", "--python", self.python, "ml-service", cwd=ROOT)

    def versions(self):
        """Return what is installed, but for ml-service."""
        lines = run(UV, "pip", "freeze", "--python", self.python, cwd=ROOT).splitlines()
        return {line for line in lines if not line.startswith(("ml-service", "-e "))}

    def names(self):
        """Return the names that are importable, and those of programs."""
        places = [next((self.folder / "lib").glob("python3.*")) / "site-packages", self.folder / "bin"]
        return {f"{place.name}/{path.name}" for place in places for path in place.iterdir()} - {
            "site-packages/__pycache__"
        }


@pytest.fixture(scope="session")
def dist(tmp_path_factory):
    """Build the source distribution, and the wheel from that."""
    folder = tmp_path_factory.mktemp("dist")
    build(folder, "--require-hashes")
    return folder


def build(folder, *options):
    constraints = ["--build-constraints", HERE / "build.txt"]
    run(UV, "build", "--quiet", "--no-create-gitignore", *constraints, *options, "--out-dir", folder, cwd=ROOT)


@pytest.fixture
def environment(request):
    """Give an environment that ml-service is not in, also afterwards; tests of the same one take turns."""
    found = Environment(request.param)
    with found.folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # groups of pytest-xdist have no effect with pytest 9.2
        found.uninstall()
        yield found
        found.uninstall()


@pytest.fixture
def installed(environment, dist):
    """Install the wheel."""
    environment.install(next(dist.glob("*.whl")))
    return environment


@pytest.fixture
def workplace(tmp_path):
    """Make a directory with files and a folder of the application's names, all of which say so when they are run."""
    for name in TAKEN:
        (tmp_path / name).write_text(f"raise SystemExit('{name} of the current directory was run')\n")
    (tmp_path / "bundle").mkdir()
    return tmp_path


@pytest.fixture
def hostile_packages(workplace):
    """Make folders of the names, in place of the files."""
    for name in ("model", "service"):
        (workplace / f"{name}.py").unlink()
        (workplace / name).mkdir()
        (workplace / name / "__init__.py").write_text(f"raise SystemExit('{name} of the current directory was run')\n")
    return workplace
