"""A request that has arrived whole and its answer, over WSGI (PEP 3333).

gunicorn's parser says what the head means and where the body ends. It is given the head alone, and the answer leaves in
one piece: gunicorn's own way copies a body some ten times, looks up each of its settings by name for each request, and
takes the answer's fields apart one by one.
"""

import io
import re
import sys
import time
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final

from gunicorn import util
from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import InvalidHeader, InvalidResponseHeader
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from service.server.connection import ClientSocket, Connection
from service.server.http_framing import Arriving

# The fields whose names in WSGI do not begin with HTTP_.
_NAMES: Final = {"CONTENT-TYPE": "CONTENT_TYPE", "CONTENT-LENGTH": "CONTENT_LENGTH"}
_FIELD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\x00-\x08\x0a-\x1f\x7f]*\r\n"  # RFC 9110, 5
# Whom a request is sent to (RFC 9110, 7.2; RFC 3986, 3.2): no user, and in a target of its own some host.
_HOST: Final = r"(?:\[[0-9A-Fa-f:.]+\]|(?:[!$&'()*+,;=.~_0-9A-Za-z-]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
_ABSOLUTE: Final = re.compile(rf"(?i:https?)://(?=[^:/?]){_HOST}(?:[/?].*)?")
# A code that has no name of its own, such as 499, has no reason behind it (RFC 9112, 4).
_HEAD: Final = re.compile(rf"HTTP/1\.\d \d{{3}} [^\x00-\x1f\x7f]*\r\n(?:{_FIELD})+")


class Exchange:
    """Asks a WSGI application what to answer; one for all requests of a worker."""

    def __init__(self, cfg: Any, application: Callable[..., Any]) -> None:
        settings = {name: setting.get() for name, setting in cfg.settings.items()}
        self._settings = SimpleNamespace(**settings, is_ssl=False, forwarded_allow_networks=list)
        self._application = application
        self._date = -1, ""  # one attribute, for threads read it while another writes
        self._base = {
            "wsgi.version": (1, 0),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": cfg.workers > 1,
            "wsgi.run_once": False,
            "wsgi.input_terminated": True,
            "SCRIPT_NAME": "",
        }

    def answer(self, conn: Connection, arrived: Arriving, *, keep: bool) -> bool:
        """Answer a request; say whether another may follow, `keep` being false if not, and leave what came behind it.

        Raises gunicorn's errors for what is not HTTP, and what the application raises; then nothing was answered.
        """
        head, body, conn.behind = arrived.parts()
        unreader = IterUnreader(())
        unreader.buf.write(head)
        request = Request(self._settings, unreader, conn.client)
        if _length(request.body.reader) != arrived.length:  # where the next request begins is not known
            raise InvalidHeader("CONTENT-LENGTH")
        stream = io.BytesIO(body) if arrived.whole or arrived.length is not None else _Endless()
        version = f"HTTP/1.{min(request.version[1], 1)}"
        environ = self._environ(request, conn, stream, version)
        if not _is_addressed(version, environ.get("HTTP_HOST"), request.uri):
            raise InvalidHeader("HOST")
        keep = keep and arrived.whole and not arrived.discarded and not _closes(request)
        self._send(conn.sock, environ, version, keep=keep)
        return keep

    def _environ(self, request: Request, conn: Connection, stream: io.BytesIO, version: str) -> dict[str, Any]:
        client, server = conn.client, conn.server
        environ = {
            **self._base,
            "wsgi.url_scheme": request.scheme,
            "wsgi.input": stream,
            "gunicorn.socket": conn.sock,
            "REQUEST_METHOD": request.method,
            "RAW_URI": request.uri,
            "PATH_INFO": util.unquote_to_wsgi_str(request.path),
            "QUERY_STRING": request.query,
            "SERVER_PROTOCOL": version,
            "SERVER_NAME": server[0],
            "SERVER_PORT": str(server[1]),
            "REMOTE_ADDR": client[0],
            "REMOTE_PORT": str(client[1]),
        }
        for name, value in request.headers:  # the parser lets no name with an underscore pass
            key = _NAMES.get(name) or f"HTTP_{name.replace('-', '_')}"
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def _send(self, sock: ClientSocket, environ: dict[str, Any], version: str, *, keep: bool) -> None:
        said: list[Any] = []

        def start_response(status: str, fields: list[tuple[str, str]], _: Any = None) -> Callable[[bytes], object]:
            said[:] = status, fields
            return sock.sendall

        found = self._application(environ, start_response)
        body = b"".join(found)
        if hasattr(found, "close"):
            found.close()
        status, fields = said
        lines = [f"{name}: {value}\r\n" for name, value in fields]
        head = (
            f"{version} {status}\r\nServer: ml-service\r\nDate: {self._now()}\r\n"
            f"Connection: {'keep-alive' if keep else 'close'}\r\n{''.join(lines)}"
        )
        if not _HEAD.fullmatch(head) or head.count("\n") != len(lines) + 4:
            raise InvalidResponseHeader(status)
        sock.sendall(f"{head}\r\n".encode("latin-1"))
        sock.sendall(body)

    def _now(self) -> str:
        """Return the date for a head, made once a second."""
        second, date = int(time.monotonic()), self._date
        if second != date[0]:
            date = self._date = second, util.http_date()
        return date[1]


class _Endless(io.BytesIO):
    """A chunked body that has no end."""

    def read(self, size: int | None = -1, /) -> bytes:  # noqa: ARG002  # io.BytesIO's interface
        """Raise OSError."""
        raise OSError("it ends within a chunk, or holds what is no chunk")


def _length(reader: Any) -> int | None:
    """Return the length of the body as the parser has understood it, None for chunks."""
    if isinstance(reader, ChunkedReader):
        return None
    return int(reader.length) if isinstance(reader, LengthReader) else -1


@lru_cache(32)
def _is_host(text: str) -> bool:
    return re.fullmatch(_HOST, text) is not None


def _is_addressed(version: str, host: str | None, target: str) -> bool:
    """Say whether a request names its host as it has to (RFC 9112, 3.2); that of HTTP/1.0 need not."""
    named = version == "HTTP/1.0" if host is None else _is_host(host)
    return named and (target.startswith("/") or "://" not in target or _ABSOLUTE.fullmatch(target) is not None)


def _closes(request: Request) -> bool:
    """Say whether the client wants the connection to end, also as one word among several, which gunicorn overlooks."""
    said = (value for name, value in request.headers if name == "CONNECTION")
    return bool(request.should_close()) or any(
        word.strip().lower() == "close" for each in said for word in each.split(",")
    )
