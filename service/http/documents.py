"""Documents about the served model, which are made when they are first asked for, and revalidated by ETag."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from flask import Blueprint

from service.config.settings import Settings
from service.formats.content_encoding import gzip_once
from service.formats.media_types import accepts
from service.http.framework import NO_HEADERS, Response, this_request
from service.http.request import Request
from service.openapi.document import PATH, below, document
from service.protocols.base import JSON
from service.protocols.registry import ProtocolRegistry
from service.serving.served_model import ModelSlot, ServedModel

REVALIDATE: Final = "no-cache"
PATHS: Final = frozenset({PATH})  # answered by a thread: making a document takes longer than the main loop may


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


def blueprint(settings: Settings, protocols: ProtocolRegistry, slot: ModelSlot) -> Blueprint:
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
