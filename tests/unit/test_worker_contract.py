"""What service.server.worker uses of gunicorn's base class for workers: it is as it was in version 27.

Where a test fails after an upgrade, service/server/worker.py has to be adapted; then raise the cap in pyproject.toml.
"""

import inspect
import re

import gunicorn
import pytest
from gunicorn.workers.base import Worker as BaseWorker

from service.server.worker import Worker

# The signatures of what is overridden or called, and what sets the attributes that are read.
METHODS = {
    "__init__": "(self, age, ppid, sockets, app, timeout, cfg, log)",
    "init_process": "(self)",
    "init_signals": "(self)",
    "run": "(self)",
    "notify": "(self)",
    "handle_exit": "(self, sig, frame)",
}
ATTRIBUTES = {"alive", "booted", "cfg", "log", "max_requests", "nr", "ppid", "sockets", "wsgi"}


def test_the_worker_is_made_of_the_base_class_alone():
    """Gunicorn's other workers have no interface for those that differ from them."""
    assert (BaseWorker,) == Worker.__bases__


@pytest.mark.parametrize("name", METHODS)
def test_a_method_of_the_base_class_has_its_signature(name):
    """It would not be called any more, or with other arguments."""
    assert METHODS[name] == str(inspect.signature(getattr(BaseWorker, name))), f"{gunicorn.__version__}: {name}"


def test_each_method_that_is_overridden_is_in_the_table():
    """So that none is overlooked at an upgrade."""
    overridden = {
        name for name, value in vars(Worker).items() if inspect.isfunction(value) and hasattr(BaseWorker, name)
    }

    assert overridden <= set(METHODS)


def test_the_attributes_of_the_base_class_are_still_set():
    """By its constructor, its start, or when it loads the application."""
    source = inspect.getsource(BaseWorker)

    assert ATTRIBUTES <= set(re.findall(r"self\.(\w+) = ", source)), gunicorn.__version__
