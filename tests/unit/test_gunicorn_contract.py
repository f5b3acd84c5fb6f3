"""What service.server uses of gunicorn's master that gunicorn does not document: it is as it was in version 27.

Where a test fails after an upgrade, service/server/arbiter.py has to be adapted; then raise the cap in pyproject.toml.
"""

import inspect
import re

import gunicorn
import pytest
from gunicorn import arbiter, errors, sock, systemd, util
from gunicorn.app.base import BaseApplication
from gunicorn.workers.base import Worker

from service.server.arbiter import Arbiter

# The signatures of what is overridden, called, or called by gunicorn's main loop.
METHODS = {
    "signal": "(self, sig, frame)",
    "handle_term": "(self)",
    "handle_usr2": "(self)",
    "wait_for_signals": "(self, timeout=1.0)",
    "reload": "(self)",
    "spawn_worker": "(self)",
    "manage_workers": "(self)",
    "murder_workers": "(self)",
    "reap_workers": "(self)",
    "kill_worker": "(self, pid, sig)",
    "kill_workers": "(self, sig)",
    "stop": "(self, graceful=True)",
}
ATTRIBUTES = ("SIG_QUEUE", "START_CTX", "cfg", "log", "pid", "reexec_pid", "master_pid", "systemd")
FUNCTIONS = {
    sock.close_sockets: "(listeners, unlink=True)",
    sock.TCPSocket: "(address, conf, log, fd=None)",
    sock.TCP6Socket: "(address, conf, log, fd=None)",
    systemd.listen_fds: "(unset_environment=True)",
    util.is_ipv6: "(addr)",
}


def test_the_version_is_one_that_this_is_known_of():
    """A newer one is refused by pyproject.toml until somebody has looked."""
    assert re.fullmatch(r"27\..*", gunicorn.__version__), f"gunicorn {gunicorn.__version__}: expected 27"


@pytest.mark.parametrize("name", METHODS)
def test_a_method_of_the_master_has_its_signature(name):
    """It would not be called any more, or with other arguments."""
    assert METHODS[name] == str(inspect.signature(getattr(arbiter.Arbiter, name))), f"{gunicorn.__version__}: {name}"


@pytest.mark.parametrize("name", [name for name in vars(Arbiter) if name in vars(arbiter.Arbiter)])
def test_each_method_that_is_overridden_is_in_the_table(name):
    """So that none is overlooked at an upgrade."""
    of_every_class = {
        "__module__",
        "__doc__",
        "__firstlineno__",
        "__static_attributes__",
    }  # the last two from Python 3.13 on
    assert name in {*METHODS, *of_every_class, "LISTENERS"}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_an_attribute_of_the_master_is_still_set(name):
    """By its constructor or its start."""
    sources = (
        inspect.getsource(arbiter.Arbiter.__init__),
        *map(inspect.getsource, (arbiter.Arbiter.setup, arbiter.Arbiter.start)),
    )
    assert any(re.search(rf"self\.{name}\b[^\n]* = ", source) for source in sources), f"{gunicorn.__version__}: {name}"


def test_what_the_master_keeps_of_its_workers_is_as_it_was():
    """By process id; each has its age, its heartbeat's file, and whether it was aborted."""
    assert ({}, [], 3) == (arbiter.Arbiter.WORKERS, arbiter.Arbiter.LISTENERS, arbiter.Arbiter.WORKER_BOOT_ERROR)
    assert isinstance(arbiter.Arbiter.num_workers, property)
    source = inspect.getsource(Worker.__init__)
    assert {"age", "tmp", "aborted", "alive", "booted", "ppid", "sockets"} <= set(re.findall(r"self\.(\w+) = ", source))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_a_function_has_its_signature(function):
    """Those that bind and close listeners."""
    assert FUNCTIONS[function] == str(inspect.signature(function))


def test_the_master_ends_by_the_same_exception():
    """A boot error ends it by HaltServer, with a reason and a status; the application is made once."""
    assert "(self, reason, exit_status=1)" == str(inspect.signature(errors.HaltServer.__init__))
    assert "self.callable" in inspect.getsource(BaseApplication.wsgi)
