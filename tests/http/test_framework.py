"""service.http.framework against the Flask that is installed."""

import inspect
from importlib.metadata import version

import flask
import pytest

from service.http.framework import App

HOOKS = sorted(name for name, member in vars(App).items() if inspect.isfunction(member) and name != "__init__")


@pytest.mark.parametrize("name", HOOKS)
def test_each_hook_is_one_that_flask_documents(name):
    """A public method of Flask's with a docstring, called with the parameters that ours takes."""
    theirs = getattr(flask.Flask, name, None)

    assert theirs is not None, f"Flask {version('flask')} has no {name} any more; see service/http/framework.py"
    assert not name.startswith("_")
    assert theirs.__doc__
    assert list(inspect.signature(theirs).parameters) == list(inspect.signature(getattr(App, name)).parameters), (
        f"Flask {version('flask')} calls {name} with other parameters; see service/http/framework.py"
    )


def test_only_documented_parts_of_flask_are_used():
    """Werkzeug documents `_get_current_object`; nothing else that is used is private."""
    source = inspect.getsource(inspect.getmodule(App))

    assert "flask.globals" not in source
    assert "flask.ctx" not in source
    assert hasattr(flask.request, "_get_current_object")


def test_what_flask_makes_of_other_views_is_sent_as_it_is():
    """A view that is added in a test or by an extension may return whatever Flask takes."""
    app = App("test", None, lambda _, response: response.headers.append(("X-After", "1")))
    app.add_url_rule("/text", "text", lambda: ("hello", 201, {"X-View": "1"}))

    answer = app.test_client().get("/text", headers={"Host": "any host?"})

    assert (201, "hello", "1", "1") == (
        answer.status_code,
        answer.text,
        answer.headers["X-View"],
        answer.headers["X-After"],
    )


def test_the_request_is_the_one_that_is_being_answered():
    """Views, `before` and `after` see the same one, and Flask's own proxies work in views."""
    seen = []
    app = App("test", seen.append, lambda request, _: seen.append(request))
    app.add_url_rule("/", "view", lambda: seen.append(flask.request._get_current_object()) or flask.current_app.name)

    assert "test" == app.test_client().get("/").text
    assert 3 == len(seen)
    assert 1 == len({id(request) for request in seen})
