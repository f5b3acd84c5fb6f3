"""Flask, with documented hooks overridden where this service does not need what they do.

No route depends on the host, nothing registers teardown functions, and there are no cookies, coroutines or blueprint
hooks. A request (one row, logistic regression, in process) takes 186 µs with plain Flask and 127 µs with these
overrides; each says what it saves. Flask's private context variables would save 5 µs more, and are not used.
"""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, cast

import flask
from flask.sessions import NullSession, SessionInterface
from werkzeug.routing import MapAdapter

from service.http.request import Request

_STATUS_LINES: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
NO_HEADERS: Final = MappingProxyType[str, str]({})


class NoSessions(SessionInterface):
    """Gives all requests the same empty, read-only session (saves 2 µs)."""

    def __init__(self) -> None:
        self._empty = NullSession()

    def open_session(self, app: flask.Flask, request: flask.Request) -> NullSession:  # noqa: ARG002  # Flask's interface
        """Return the empty session."""
        return self._empty


class Response:
    """A complete response as a WSGI application (saves 30 µs).

    Flask's own response parses, validates and searches its headers each time one is added. Here the headers are a list,
    which service.server.wsgi validates when it sends them.
    """

    def __init__(
        self,
        content: bytes,
        content_type: str,
        *,
        status: int = 200,
        headers: Mapping[str, str] = NO_HEADERS,
        cache_control: str = "no-store",
    ) -> None:
        self.content, self.status, self.cache_control = content, status, cache_control
        self.headers = [("Content-Type", content_type), ("Content-Length", str(len(content))), *headers.items()]

    def __call__(self, environ: Any, start_response: Any) -> Iterable[bytes]:
        """Send the response."""
        start_response(_STATUS_LINES.get(self.status) or f"{self.status} ", self.headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (self.content,)


class App(flask.Flask):
    """A Flask application that calls `before`, if given, before each view, and `after` with each response."""

    request_class = Request
    session_interface = NoSessions()

    def __init__(
        self, name: str, before: Callable[[Request], None] | None, after: Callable[[Request, Response], None]
    ) -> None:
        super().__init__(name, static_folder=None)
        self.url_map.merge_slashes = False  # a path is a route or it is not; nothing is redirected
        self._before, self._after = before, after

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Match routes by path and method only, not by host (saves 12 µs)."""
        return None if request is None else self.url_map.bind("", path_info=request.path, default_method=request.method)

    def ensure_sync(self, func: Any) -> Any:
        """Return the function unchanged, because none is a coroutine function (saves 2 µs)."""
        return func

    def preprocess_request(self) -> None:
        """Call `before` (with the next three, saves 10 µs: Flask looks for hooks of each blueprint)."""
        if self._before is not None:
            self._before(this_request())

    def process_response(self, response: Any) -> Any:
        """Call `after`."""
        self._after(this_request(), response)
        return response

    def do_teardown_request(self, exc: BaseException | None = None) -> None:
        """Do nothing."""

    def do_teardown_appcontext(self, exc: BaseException | None = None) -> None:
        """Do nothing."""

    def make_default_options_response(self) -> Any:
        """Answer OPTIONS with the methods that the path takes."""
        methods = self.url_map.bind("").allowed_methods(flask.request.path)
        return Response(b"", "text/plain", headers={"Allow": ", ".join(sorted(methods))})

    def make_response(self, rv: Any) -> Any:
        """Return our own responses unchanged, and convert whatever else a view may return."""
        if isinstance(rv, Response):
            return rv
        flask_response = super().make_response(rv)
        response = Response(flask_response.get_data(), "", status=flask_response.status_code)
        response.headers = list(flask_response.headers)
        return response


def this_request() -> Request:
    """Return the request that is being answered."""
    return cast("Request", flask.request._get_current_object())  # type: ignore[attr-defined]  # noqa: SLF001  # documented
