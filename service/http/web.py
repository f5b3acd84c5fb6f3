"""The pages for people: the model's page at `/` for browsers, the API's page at `/docs`, and the static files."""

from collections.abc import Callable
from functools import cache, lru_cache
from pathlib import Path
from typing import Final

from flask import Blueprint

from service.formats.media_types import accepts
from service.http.documents import Document
from service.http.framework import Response, this_request
from service.http.request import Request
from service.http.responses import response_of
from service.pages.pages import Pages
from service.pages.static_files import TYPES, StaticFiles
from service.protocols.registry import ProtocolRegistry
from service.serving.served_model import ModelSlot

ROOT, DOCS = "/", "/docs"
_HTML: Final = "text/html"
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_FOREVER: Final = "public, max-age=31536000, immutable"
PAGE_HEADERS: Final = {"Content-Security-Policy": _CSP, "Referrer-Policy": "no-referrer"}


def blueprint(pages: Pages, static: StaticFiles, slot: ModelSlot, protocols: ProtocolRegistry) -> Blueprint:
    """Return `/` (a page for browsers, the protocols' answer for all other callers), `/docs` and the static files."""
    web = Blueprint("web", __name__)
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


def slow_paths() -> frozenset[str]:
    """Return the paths that a thread is to answer, because their first request makes a page or compresses a file."""
    return frozenset({ROOT, DOCS, *StaticFiles.of_swagger_ui().files})


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
    document = cache(lambda: Document.of(file.read_bytes(), TYPES[file.suffix]))
    return lambda: document().answer(this_request(), cache_control=_FOREVER)


def _html(text: str) -> Document:
    return Document.of(text.encode(), f"{_HTML}; charset=utf-8")
