"""The pages for people: the model's page at `/` for browsers, and the static files."""

from functools import partial
from typing import Final

from flask import Blueprint

from service.formats.media_types import accepts
from service.http.documents import Document
from service.http.framework import Response, this_request
from service.http.request import Request
from service.http.responses import response_of
from service.pages.pages import Pages
from service.pages.static_files import StaticFiles
from service.protocols.registry import ProtocolRegistry
from service.serving.per_model import MadeOnce
from service.serving.served_model import ModelSlot

ROOT: Final = "/"
_HTML: Final = "text/html"
_CSP: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
_FOREVER: Final = "public, max-age=31536000, immutable"
PAGE_HEADERS: Final = {"Content-Security-Policy": _CSP, "Referrer-Policy": "no-referrer"}


def blueprint(pages: Pages, static: StaticFiles, slot: ModelSlot, protocols: ProtocolRegistry) -> Blueprint:
    """Return `/`, the page for browsers and what the protocols have there for everybody else, and the static files."""
    web = Blueprint("web", __name__)
    model = MadeOnce(slot, lambda served: _html(pages.model(served)))
    shell = MadeOnce(slot, lambda _: _html(pages.shell()))
    alive = next(codec.alive[ROOT] for codec in protocols.codecs if ROOT in codec.alive)

    @web.get(ROOT)
    def page() -> Response:
        request = this_request()
        if not asks_for_page(request):
            response = response_of(alive)
            response.headers.append(("Vary", "Accept"))
            return response
        found = (model if request.trusted else shell).get()
        return found.answer(request, vary="Accept, Authorization, ", headers=PAGE_HEADERS)

    for path, file in static.files.items():
        view = partial(_static, Document.of(file.content, file.content_type))
        web.add_url_rule(path, f"static {path}".replace(".", " "), view, methods=["GET"])
    return web


def asks_for_page(request: Request) -> bool:
    """Say whether a caller is a browser: the Accept header names HTML."""
    return accepts(request.header("Accept"), _HTML)


def is_public(request: Request) -> bool:
    """Say whether callers without a token are answered: with a static file, or with the page that asks for a token."""
    if request.endpoint == "web.page":
        return asks_for_page(request) and not request.header("Authorization")
    return (request.endpoint or "").startswith("web.static ")


def _static(file: Document) -> Response:
    return file.answer(this_request(), cache_control=_FOREVER)


def _html(text: str) -> Document:
    return Document.of(text.encode(), f"{_HTML}; charset=utf-8")
