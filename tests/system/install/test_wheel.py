"""What is built, and what an installation adds to an environment and leaves of it."""

import email
import tarfile
import zipfile

from tests.conftest import ROOT
from tests.system.install.conftest import HERE, UV, build, in_environments, run

FACE = {"mlservice/__init__.py", "mlservice/server.py", "mlservice/keeper.py"}
APPLICATION = {
    "mlservice/application/wsgi.py",
    "mlservice/application/gunicorn.conf.py",
    "mlservice/application/model/__main__.py",
    "mlservice/application/model/environments/1.6.txt",
    "mlservice/application/requirements-train.txt",
    "mlservice/application/service/server/worker.py",
}
each = in_environments("current", "oldest", "bare")
one = in_environments("bare")
with_pip = in_environments("current")


def files(wheel):
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if ".dist-info/" not in name}


def tracked():
    """Return the files of the application that git knows."""
    names = run("git", "ls-files", "mlservice", "model", "service", cwd=ROOT).split()
    return {name if name.startswith("mlservice/") else f"mlservice/application/{name}" for name in names}


@one
def test_the_wheel_has_the_application_as_a_folder(dist, environment, tmp_path):
    """All of it, templates and other files too, nothing else; from the checkout the same bytes as from the archive."""
    build(tmp_path, "--wheel")
    (wheel,), (direct,), (source,) = dist.glob("*.whl"), tmp_path.glob("*.whl"), dist.glob("*.tar.gz")

    assert direct.read_bytes() == wheel.read_bytes()
    assert FACE | APPLICATION <= files(wheel)
    assert tracked() | APPLICATION == files(wheel)
    with tarfile.open(source) as archive:
        assert not [name for name in archive.getnames() if "/tests/" in name or "/benchmarks/" in name]


@one
def test_the_metadata_say_what_users_get(dist, environment):
    """README is the description; what only development needs is no requirement, and no version is forced on anybody."""
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        metadata = email.message_from_bytes(archive.read(name))

    needed = metadata.get_all("Requires-Dist")
    assert ("ml-service", "text/markdown", ">=3.11") == tuple(
        metadata[field] for field in ("Name", "Description-Content-Type", "Requires-Python")
    )
    assert {"numpy>=1.26", "scikit-learn>=1.3"} <= set(needed)
    assert {"data", "mlflow", "storage", "tracing", "versions"} == set(metadata.get_all("Provides-Extra"))
    assert not [line for line in needed if "pytest" in line or "dumb-init" in line]
    assert metadata.get_payload().startswith("# ml-service")


@each
def test_installing_changes_nothing_that_is_there(environment, dist):
    """One package and one command come, no library of the user's is replaced, and removing takes all of it away."""
    names, versions = environment.names(), environment.versions()

    environment.install(next(dist.glob("*.whl")))
    run(environment.command, "--version", cwd=ROOT.parent)  # leaves bytecode

    version = next(dist.glob("*.whl")).name.split("-")[1]
    added = {"site-packages/mlservice", f"site-packages/ml_service-{version}.dist-info", "bin/ml-service"}
    assert added == environment.names() - names
    assert versions == environment.versions()
    environment.uninstall()
    assert names == environment.names()


@with_pip
def test_pip_installs_and_removes_a_checkout(environment, workplace):
    """`pip install .` builds in an environment of its own, from this folder."""
    names = environment.names()
    pip = [environment.python, "-m", "pip", "--quiet", "--disable-pip-version-check"]

    run(*pip, "install", "--build-constraint", HERE / "build.txt", "--no-deps", ROOT, cwd=workplace)
    assert run(environment.command, "--version", cwd=workplace).startswith("ml-service ")
    run(*pip, "check", cwd=workplace)
    run(*pip, "uninstall", "--yes", "ml-service", cwd=workplace)

    assert names == environment.names()


@one
def test_an_editable_installation_exposes_nothing_but_the_package(environment, workplace):
    """It runs the checkout; `model`, `service` and `tests` of the checkout are not importable."""
    pins = HERE / "build.txt"  # what the installation needs at run time, too
    options = ["--quiet", "--build-constraints", pins, "--constraints", pins, "--python", environment.python]
    run(UV, "pip", "install", *options, "--editable", ROOT, cwd=workplace)

    program = (
        "import importlib.util as u; print(*(u.find_spec(n) for n in ('service', 'model', 'tests', 'benchmarks')))"
    )
    assert "None None None None\n" == run(environment.python, "-P", "-c", program, cwd=workplace)
    where = run(environment.python, "-P", "-c", "import mlservice; print(mlservice.__file__)", cwd=workplace)
    assert f"{ROOT}/mlservice/__init__.py\n" == where
    assert run(environment.command, "--version", cwd=workplace).startswith("ml-service ")
