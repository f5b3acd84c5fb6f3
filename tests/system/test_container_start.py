"""The start of a container: it can be stopped at any moment, says what is wrong, and its health is quickly asked."""

import json
import os
import re
import signal
import time
from datetime import UTC, datetime

import pytest

from tests.system.conftest import eventually, moments
from tests.system.containers import docker

pytestmark = pytest.mark.image
ENDED = {0, 128 + signal.SIGTERM}
CHECK = ["python", "-S", "-m", "service.server.healthcheck"]


@pytest.fixture
def begin(image):
    """Run containers without waiting until they are ready; all are gone at the end."""
    names = []

    def start(*options, arguments=()):
        names.append(docker("run", "--detach", *options, image, *arguments))
        return names[-1]

    yield start
    for name in names:
        docker("rm", "--force", name)


def state(name):
    return json.loads(docker("inspect", "--format", "{{json .State}}", name))


def stop(name):
    """Stop a container, without SIGKILL, which comes after 10 s.

    A second of the two is for Docker on a busy machine; test_stopping_early holds the server's own.
    """
    start = datetime.now(UTC)
    docker("stop", name)
    ended, errors = state(name), docker("logs", name, err=True)

    assert ended["ExitCode"] in ENDED
    assert (datetime.fromisoformat(ended["FinishedAt"]) - start).total_seconds() < 2, errors
    assert "Traceback" not in errors


@pytest.fixture
def stops_at_any_moment(begin):
    """Stop containers at moments all over the time that one takes to be ready after it is `begun`, and a ready one."""

    def check(*options, begun=lambda name: None):
        def start():
            name = begin("--env", "DRAIN_SECONDS=0", *options)
            begun(name)
            return name

        first, began = start(), time.monotonic()
        eventually(lambda: "ready: " in docker("logs", first, err=True), "ready")
        seconds = time.monotonic() - began
        stop(first)
        for moment in moments(seconds):
            name = start()
            time.sleep(moment)
            stop(name)

    return check


def test_a_container_stops_at_once_at_any_moment_of_its_start(stops_at_any_moment):
    """Before it listens, before it is ready, and then."""
    stops_at_any_moment()


def test_a_container_survives_the_other_signals_at_any_moment_of_its_start(begin):
    """SIGHUP and its like, whose default is to end a process; it gets ready all the same."""
    name = begin()
    while "Listening at: " not in docker("logs", name, err=True):
        for signame in ("HUP", "USR1"):
            docker("kill", "--signal", signame, name)

    eventually(lambda: "ready: " in docker("logs", name, err=True), "ready")


def test_a_server_that_is_itself_the_first_process_stops_as_soon_as_it_has_read_its_configuration(stops_at_any_moment):
    """Without the image's init, as where a pod's command is gunicorn: the kernel drops what it has no handler for."""

    def begun(name):
        eventually(lambda: handles(name, signal.SIGTERM), "a handler")

    stops_at_any_moment("--entrypoint", "gunicorn", begun=begun)


def handles(name, number):
    """Say whether a container's first process has a handler for a signal (proc_pid_status(5))."""
    lines = docker("exec", name, "cat", "/proc/1/status").splitlines()
    words = dict(line.partition(":")[::2] for line in lines)
    return int(words["SigCgt"], 16) >> (number - 1) & 1


def test_a_bundle_that_the_containers_user_may_not_read_is_one_line_that_says_so(begin, iris_bundle, tmp_path):
    """With the user's id and what to do; it is not missing."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    for path in iris_bundle.iterdir():
        (bundle / path.name).write_bytes(path.read_bytes())
        (bundle / path.name).chmod(0o600)
    name = begin("--volume", f"{bundle}:/model:ro")

    assert "1" == docker("wait", name)
    last = docker("logs", name, err=True).splitlines()[-1]
    assert last.startswith(
        "ml-service: bundle_unreadable: bundle/manifest.json cannot be read by user id 10001: permission"
    )
    assert f"docker run --user {os.getuid()}" in last


def test_the_health_check_takes_less_than_a_tenth_of_a_second(run):
    """Of processor time, as the shell that runs it counts it (times(1p)), for the machine may have other work."""
    container = run()

    said = docker("exec", container.name, "sh", "-c", f"{' '.join(CHECK)} && times").splitlines()[-1]
    user, system = (float(minutes) * 60 + float(seconds) for minutes, seconds in re.findall(r"(\d+)m([\d.]+)s", said))
    assert user + system < 0.1


@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        (["--env", "HOST=[::1]"], []),
        (["--env", "PORT=0"], []),
        ([], ["serve"]),
        ([], ["--bind", "127.0.0.1:9999"]),
        (["--read-only", "--tmpfs", "/tmp", "--user", "12345:0"], []),
        (["--read-only", "--tmpfs", "/tmp", "--shm-size", "64k", "--user", "12345:0"], []),
    ],
    ids=["IPv6", "a free port", "SageMaker", "gunicorn's own option", "read-only", "no room in memory"],
)
def test_the_health_check_finds_the_server_wherever_it_listens(begin, options, arguments):
    """It asks the address that the server has said, not one of its own environment."""
    name = begin(
        "--health-interval", "1s", "--sysctl", "net.ipv6.conf.all.disable_ipv6=0", *options, arguments=arguments
    )

    eventually(lambda: state(name)["Health"]["Status"] == "healthy", "healthy")
