"""Flask without the work for each request that this service has no use for: sessions, host names, redirects."""

from collections.abc import Iterable
from typing import Any

import flask
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter

from service.blueprints.requests import Request


class NoSessions(SessionInterface):
    """There are no cookies here."""

    def open_session(self, app: flask.Flask, request: flask.Request) -> NullSession:  # noqa: ARG002  # Flask's interface
        """Return a session that nothing can be kept in."""
        return NullSession()

    def is_null_session(self, obj: object) -> bool:  # noqa: ARG002  # likewise
        """Say that there is nothing to save."""
        return True


class Response(flask.Response):
    """A response that is whole: its body is bytes, and no header is to be worked out from the request."""

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Answer as a WSGI application."""
        if environ["REQUEST_METHOD"] == "HEAD" or not self.is_sequence:
            return super().__call__(environ, start_response)
        start_response(self.status, list(self.headers))
        return self.response  # type: ignore[return-value]  # bytes, which are what set_data makes


class App(flask.Flask):
    """An application whose routes do not depend on the host that was asked."""

    request_class = Request
    response_class = Response
    session_interface = NoSessions()

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Return what finds the route of a request."""
        if request is None:
            return None
        return self.url_map.bind("", path_info=request.path, default_method=request.method)
