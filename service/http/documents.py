"""Documents and pages about the served model, made when they are first asked for, and revalidated by ETag.

They are the OpenAPI document, the model's page at `/` for browsers, the API's page at `/docs`, and the static files.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from flask import Blueprint

from service.config.settings import Settings
from service.formats.content_encoding import gzip_once
from service.formats.media_types import accepts
from service.http.framework import NO_HEADERS, Response, this_request
from service.http.request import Request
from service.http.responses import response_of
from service.openapi.document import PATH, below, document
from service.pages.pages import Pages
from service.pages.static_files import TYPES, StaticFiles
from service.protocols.base import JSON
from service.protocols.registry import ProtocolRegistry
from service.serving.served_model import ModelSlot, ServedModel

ROOT, DOCS = "/", "/docs"
REVALIDATE: Final = "no-cache"
_HTML: Final = "text/html"
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_FOREVER: Final = "public, max-age=31536000, immutable"
PAGE_HEADERS: Final = {"Content-Security-Policy": _CSP, "Referrer-Policy": "no-referrer"}


@dataclass(frozen=True)
class Document:
    """A body, plain and as gzip, with its media type and its strong validator (RFC 9110, 8.8.3)."""

    content: bytes
    gzipped: bytes
    content_type: str
    etag: str

    @classmethod
    def of(cls, content: bytes, content_type: str) -> "Document":
        """Return a document whose ETag is the digest of its content."""
        return cls(content, gzip_once(content), content_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')

    def answer(
        self,
        request: Request,
        *,
        cache_control: str = REVALIDATE,
        vary: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> Response:
        """Answer 200, or 304 without a body if the caller already has this document (RFC 9110, 13.1.2)."""
        zips = accepts(request.header("Accept-Encoding"), "gzip") and len(self.gzipped) < len(self.content)
        gzip_tag = f'{self.etag[:-1]}-gzip"'  # another representation has another tag
        about = {"ETag": gzip_tag if zips else self.etag, "Vary": f"{vary}Accept-Encoding", **headers}
        known = {each.strip().removeprefix("W/") for each in request.header("If-None-Match").split(",")}
        if known & {self.etag, gzip_tag, "*"}:
            response = Response(b"", "", status=304, cache_control=cache_control)
            response.headers = list(about.items())
            return response
        coding = {"Content-Encoding": "gzip"} if zips else {}
        content = self.gzipped if zips else self.content
        return Response(content, self.content_type, headers={**about, **coding}, cache_control=cache_control)


def openapi_blueprint(settings: Settings, protocols: ProtocolRegistry, slot: ModelSlot) -> Blueprint:
    """Return /openapi.json."""
    documents = Blueprint("documents", __name__)

    @lru_cache(maxsize=1)
    def openapi(served: ServedModel) -> Document:
        return Document.of(document(settings, protocols, served), JSON)

    @lru_cache(maxsize=4)  # a proxy sets the prefix, so there are few
    def named(made: Document, prefix: str) -> Document:
        return Document.of(below(made.content, prefix), made.content_type)

    @documents.get(PATH)
    def openapi_json() -> Response:
        request, made = this_request(), openapi(slot.current)
        if not settings.forwarded_prefix:
            return made.answer(request)
        made = named(made, request.path_prefix) if request.path_prefix else made
        return made.answer(request, vary="X-Forwarded-Prefix, ")

    return documents


def pages_blueprint(settings: Settings, protocols: ProtocolRegistry, slot: ModelSlot) -> Blueprint:
    """Return `/` (a page for browsers, the protocols' answer for all other callers), `/docs` and the static files."""
    web, static = Blueprint("web", __name__), StaticFiles.read()
    pages = Pages(
        static.directory.removeprefix("/"),
        tokens=settings.tokens_file is not None,
        metrics=settings.admin_bind is None,
        hidden=frozenset(settings.log_redact),  # what is never logged is not shown either
    )
    model = lru_cache(maxsize=1)(lambda served: _html(pages.model(served)))
    shell, api = cache(lambda: _html(pages.shell())), cache(lambda: _html(pages.docs()))
    alive = next(codec.alive[ROOT] for codec in protocols.codecs if ROOT in codec.alive)

    @web.get(ROOT)
    def page() -> Response:
        request = this_request()
        if not asks_for_page(request):
            response = response_of(alive)
            response.headers.append(("Vary", "Accept"))
            return response
        html = model(slot.current) if request.trusted else shell()
        return html.answer(request, vary="Accept, Authorization, ", headers=PAGE_HEADERS)

    @web.get(DOCS)
    def docs() -> Response:
        return api().answer(this_request(), headers=PAGE_HEADERS)

    for path, file in {**static.files, **StaticFiles.of_swagger_ui().files}.items():
        web.add_url_rule(path, f"static {path}".replace(".", " "), _answering(file), methods=["GET"])
    return web


def slow_paths(settings: Settings) -> frozenset[str]:
    """Return the paths that a thread is to answer: making a document takes longer than the main loop may."""
    return frozenset({PATH, *((ROOT, DOCS, *StaticFiles.of_swagger_ui().files) if settings.pages else ())})


def asks_for_page(request: Request) -> bool:
    """Say whether a caller is a browser, that is, whether its Accept header names HTML."""
    return accepts(request.header("Accept"), _HTML)


def is_public(request: Request) -> bool:
    """Say whether callers without a token get this: a static file, or a page that asks for a token."""
    if request.endpoint == "web.page":
        return asks_for_page(request) and not request.header("Authorization")
    return request.endpoint == "web.docs" or (request.endpoint or "").startswith("web.static ")


def _answering(file: Path) -> Callable[[], Response]:
    """Return a view of a file, which is read and compressed when it is first asked for."""
    made = cache(lambda: Document.of(file.read_bytes(), TYPES[file.suffix]))
    return lambda: made().answer(this_request(), cache_control=_FOREVER)


def _html(text: str) -> Document:
    return Document.of(text.encode(), f"{_HTML}; charset=utf-8")
