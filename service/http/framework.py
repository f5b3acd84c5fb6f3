"""Flask without the work for each request that this service has no use for: sessions, signals' contexts, host names.

`flask.request` is there in every view; `session`, `g` and `current_app` are not: what a view needs, it is given.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import flask
from flask.ctx import RequestContext
from flask.globals import _cv_request
from flask.sessions import SessionInterface
from werkzeug.exceptions import HTTPException
from werkzeug.routing import MapAdapter

from service.http.request import Request

_LINES: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_NONE: Final = MappingProxyType[str, str]({})


class NoSessions(SessionInterface):
    """There are no cookies here."""

    def is_null_session(self, obj: object) -> bool:  # noqa: ARG002  # Flask's interface
        """Say that there is nothing to save."""
        return True


class Response:
    """A whole answer as WSGI takes it; `fields` are checked where they are sent (service.server.wsgi).

    Flask's own reads, checks and searches its fields with every one that is added.
    """

    def __init__(
        self, content: bytes, content_type: str, *, status: int = 200, headers: Mapping[str, str] = _NONE
    ) -> None:
        self.content, self.status = content, status
        self.fields = [("Content-Type", content_type), ("Content-Length", str(len(content))), *headers.items()]

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        start_response(_LINES.get(self.status) or f"{self.status} ", self.fields)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (self.content,)


class Context(RequestContext):
    """What Flask knows while it answers a request: the request."""

    url_adapter: MapAdapter

    def __init__(self, app: "App", environ: Any) -> None:
        self.request = app.request_class(environ, populate_request=False)  # else they hold each other until collected
        self.url_adapter = app.adapter
        self._session = None
        self._after_request_functions = []

    def push(self) -> None:
        """Make this the request that is being answered, and find its route."""
        self._token = _cv_request.set(self)
        self.match_request()

    def match_request(self) -> None:
        """Find the route."""
        request = self.request
        try:
            rule, arguments = self.url_adapter.match(request.path, request.method, return_rule=True)
        except HTTPException as error:
            request.routing_exception = error
        else:
            request.url_rule, request.view_args = rule, dict(arguments)

    def pop(self, exc: BaseException | None = None) -> None:  # noqa: ARG002  # Flask's interface
        """End it."""
        _cv_request.reset(self._token)


class App(flask.Flask):
    """An application whose routes do not depend on the host that was asked."""

    request_class = Request
    session_interface = NoSessions()

    def __init__(self, name: str) -> None:
        super().__init__(name, static_folder=None)
        self.url_map.merge_slashes = False  # a path is a route or it is not; nothing is redirected
        self.adapter: MapAdapter = self.url_map.bind("")

    def ensure_sync(self, func: Any) -> Any:
        """Return a function as it is: none here is a coroutine's, and Flask would look at each for each request."""
        return func

    def request_context(self, environ: Any) -> Context:
        """Return the context of a request."""
        return Context(self, environ)

    def make_response(self, rv: Any) -> Any:
        """Take our own answers as they are, and whatever else Flask takes from a view as it says."""
        if isinstance(rv, Response):
            return rv
        made = super().make_response(rv)
        response = Response(made.get_data(), "", status=made.status_code)
        response.fields = list(made.headers)
        return response

    def make_default_options_response(self) -> Any:
        """Say which methods the asked route takes."""
        methods = self.adapter.allowed_methods(flask.request.path)
        return Response(b"", "text/plain", headers={"Allow": ", ".join(methods)})
