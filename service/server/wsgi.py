"""Has a WSGI application (PEP 3333) answer a request that has arrived. The answer leaves in one piece."""

import io
import re
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from gunicorn import util

from service.incoming import INCOMING, Incoming
from service.server.connection import ClientSocket, Connection
from service.server.http_request import HttpRequest

_FIELD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\x00-\x08\x0a-\x1f\x7f]*\r\n"  # RFC 9110, 5
# A status without a standard name, such as 499, has an empty reason phrase (RFC 9112, 4).
_HEAD: Final = re.compile(rf"HTTP/1\.\d \d{{3}} [^\x00-\x1f\x7f]*\r\n(?:{_FIELD})+")


class MalformedAnswer(Exception):
    """The application's answer is not valid HTTP."""


class Exchange:
    """Calls the WSGI application; a worker has one exchange for all its requests."""

    def __init__(self, application: Callable[..., Any], *, multiprocess: bool) -> None:
        self._application = application
        self._date = -1, ""  # a single attribute, because threads read it while another thread writes it
        self._base = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": multiprocess,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "SCRIPT_NAME": "",
        }

    def answer(self, conn: Connection, request: HttpRequest, *, keep: bool) -> bool:
        """Answer a request; return whether another one may follow on its connection, which `keep` may rule out.

        Raises MalformedAnswer and whatever the application raises; then nothing was answered.
        """
        stream = io.BytesIO(request.body) if request.whole or request.length is not None else _Endless()
        keep = keep and request.whole and request.keeps_alive and not request.discarded
        client, server, gone = conn.client, conn.server, conn.sock.has_gone
        began, arrived = request.began, request.arrived
        environ = {
            **self._base,
            **request.fields,
            "wsgi.input": stream,
            INCOMING: Incoming(stream, arrived, request.trace, request.discarded, request.shed, gone, began),
            "REQUEST_METHOD": request.method,
            "RAW_URI": request.target,
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query,
            "SERVER_PROTOCOL": request.version,
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            "REMOTE_ADDR": client[0],
            "REMOTE_PORT": str(client[1]),
        }
        self._send(conn.sock, environ, request.version, keep=keep)
        return keep

    def _send(self, sock: ClientSocket, environ: dict[str, Any], version: str, *, keep: bool) -> None:
        started: list[Any] = []

        def start_response(status: str, fields: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
            started[:] = status, fields
            return sock.sendall

        content = self._application(environ, start_response)
        body = b"".join(content)
        if hasattr(content, "close"):
            content.close()
        status, fields = started
        lines = [f"{name}: {value}\r\n" for name, value in fields]
        head = (
            f"{version} {status}\r\nServer: ml-service\r\nDate: {self._now()}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n{''.join(lines)}"
        )
        if not _HEAD.fullmatch(head) or head.count("\n") != len(lines) + 4:
            raise MalformedAnswer(status)
        sock.sendall(f"{head}\r\n".encode("latin-1"))
        sock.sendall(body)

    def _now(self) -> str:
        """Return the value of the Date field, which is made once a second."""
        second, date = int(time.monotonic()), self._date
        if second != date[0]:
            date = self._date = second, util.http_date()
        return date[1]


class _Endless(io.BytesIO):
    """A chunked body whose end did not come."""

    def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002  # io.BytesIO's interface
        """Raise OSError."""
        raise OSError("it ends within a chunk, or holds what is no chunk")
