"""Reads a bundle from a web server by Python's HTTP client: requests, redirects, and our errors for failures."""

import base64
import http.client
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from model.errors import BundleMissing, StorageDenied, StorageUnavailable
from model.storage.source import PIECE, STALL_SECONDS, Changed, NotChanged, Opened
from model.storage.uris import ModelUri, is_loopback, without_secrets

MOST_REDIRECTS: Final = 5
ALLOW: Final = "ALLOW_HTTP"  # the setting
_LATER: Final = {408, 425, 429}
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
Headers = Mapping[str, str]


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows few redirects, and none away from https, or from another machine to this one."""

    max_redirections = MOST_REDIRECTS
    max_repeats = MOST_REDIRECTS

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        """Refuse redirects away from https, or from another machine to this one."""
        before, after = urlsplit(req.full_url), urlsplit(newurl)
        at_home = is_loopback(after.hostname)
        if after.scheme not in ("https", before.scheme) or at_home > is_loopback(before.hostname):
            place, to = without_secrets(req.full_url), without_secrets(newurl)
            raise StorageDenied(f"{place} redirects to {to}, which is not followed; name the right address.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def get(url: str, credentials: Headers, headers: Headers | None = None) -> http.client.HTTPResponse:
    """Return a successful answer; raises the errors of Source.open.

    `credentials`, such as Authorization, are not sent to the targets of redirects.
    """
    request = urllib.request.Request(url, headers={"Accept-Encoding": "identity", **(headers or {})})  # noqa: S310
    for name, value in credentials.items():
        request.add_unredirected_header(name, value)
    try:
        answer = urllib.request.build_opener(_Redirects).open(request, timeout=STALL_SECONDS)
    except urllib.error.HTTPError as error:
        with error:
            raise _of_status(error, without_secrets(url)) from None
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: the URL of a redirect
        raise _of_connection(error, without_secrets(url)) from None
    return answer  # type: ignore[no-any-return]  # an opener has no type for what it returns


def read(url: str, credentials: Headers, most: int) -> bytes:
    """Return at most `most` bytes of a successful answer; raises the errors of Source.open."""
    with get(url, credentials) as answer:
        try:
            return answer.read(most)
        except (OSError, http.client.HTTPException) as error:
            raise _of_connection(error, without_secrets(url)) from None


@dataclass(frozen=True)
class WebFolder:
    """The objects below one URL, whose query, such as a signature, is sent with each request."""

    url: str = field(repr=False)
    credentials: Headers = field(repr=False)

    @staticmethod
    def of(uri: ModelUri) -> "WebFolder":
        """Return the folder that a URI names, with its user and password as Authorization."""
        parts = uri.parts
        place = parts.netloc.rpartition("@")[2]
        url = urlunsplit((parts.scheme, place, parts.path, parts.query, ""))
        named = parts.username is not None
        return WebFolder(url, basic(unquote(parts.username or ""), unquote(parts.password or "")) if named else {})

    def __str__(self) -> str:
        """Return the URL without secrets."""
        return without_secrets(self.url)

    def open(self, name: str, offset: int = 0, *, only: str | None = None, unless: str | None = None) -> Opened:
        """Begin to read an object; see Source. A weak tag does not mean equal bytes, so it is not sent as If-Match."""
        asked = {"Range": f"bytes={offset}-" if offset else None, "If-None-Match": unless}
        asked["If-Match"] = only if only and not only.startswith("W/") else None
        answer = get(self.url_of(name), self.credentials, {key: value for key, value in asked.items() if value})
        tag = answer.headers.get("ETag")
        if only is not None and tag != only:  # not every server respects If-Match
            answer.close()
            raise Changed
        begins, size = _extent(answer)
        return Opened(tag, size, begins, _pieces(answer, f"{self}/{name}"))

    def url_of(self, name: str) -> str:
        """Return the URL of an object."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(name)}"))


def basic(user: str, password: str) -> Headers:
    """Return the header of a user and a password (RFC 7617)."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def _extent(answer: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Return the offset of an answer's first byte, and the size of the object, None if it is not stated."""
    given = answer.headers.get("Content-Range", "")
    if answer.status == http.client.PARTIAL_CONTENT and given.startswith("bytes "):
        span, _, whole = given.removeprefix("bytes ").partition("/")
        begins = _number(span.partition("-")[0])
        if begins is not None:
            return begins, _number(whole)
    return 0, _number(answer.headers.get("Content-Length", ""))


def _number(text: str) -> int | None:
    """Return the number in a header; None for other text, and for more digits than any size has."""
    return int(text) if _NUMBER.fullmatch(text) else None


def _pieces(answer: http.client.HTTPResponse, place: str) -> Generator[bytes, None, None]:
    """Yield bytes as they arrive, without waiting for a full piece from a slow sender."""
    with answer:
        try:
            while piece := answer.read1(PIECE):
                yield piece
        except (OSError, http.client.HTTPException) as error:
            raise _of_connection(error, place) from None


def _of_status(error: urllib.error.HTTPError, place: str) -> Exception:
    status = error.code
    said = f"{status} {http.client.responses.get(status, '')}".rstrip()
    match status:
        case 304:
            return NotChanged()
        case 412 | 416:
            return Changed()
        case 401 | 403 | 407:
            return StorageDenied(f"{place} may not be read ({said}); correct the credentials, or let them read it.")
        case 400 | 404 | 410:
            return BundleMissing(f"there is no {place} ({said}); correct the URI, or put the bundle there.")
    if status >= 500 or status in _LATER:
        return StorageUnavailable(f"{place} cannot be read: {said}.")
    return StorageDenied(f"{place} is not read: {said}; correct the URI.")


def _of_connection(error: Exception, place: str) -> Exception:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        said = reason.verify_message
        return StorageDenied(f"{place}: the certificate is not trusted ({said}); name its issuer in SSL_CERT_FILE.")
    said = "no answer in time" if isinstance(reason, TimeoutError) else without_secrets(" ".join(str(reason).split()))
    return StorageUnavailable(f"{place} cannot be read: {said or type(reason).__name__}.")
