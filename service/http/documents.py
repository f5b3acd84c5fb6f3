"""Documents of the served model that are made once, when they are first asked for, and are revalidated by ETag."""

import hashlib
from dataclasses import dataclass
from typing import Final

from flask import Blueprint

from service.config.settings import Settings
from service.http.framework import Response, this_request
from service.openapi.document import PATH, document
from service.protocols.base import JSON
from service.protocols.registry import ProtocolRegistry
from service.serving.per_model import MadeOnce
from service.serving.served_model import ModelSlot

REVALIDATE: Final = "no-cache"
PATHS: Final = frozenset({PATH})  # a thread is to answer them: making them takes longer than the main loop may


@dataclass(frozen=True)
class Document:
    """A body with its media type and its strong validator (RFC 9110, 8.8.3)."""

    content: bytes
    content_type: str
    etag: str

    @classmethod
    def of(cls, content: bytes, content_type: str) -> "Document":
        """Return a document with the digest of its content as its ETag."""
        return cls(content, content_type, f'"{hashlib.sha256(content).hexdigest()[:32]}"')

    def answer(self, if_none_match: str) -> Response:
        """Answer 200, or 304 without a body to a caller who has this very document (RFC 9110, 13.1.2)."""
        known = {each.strip().removeprefix("W/") for each in if_none_match.split(",")}
        response = Response(self.content, self.content_type, cache_control=REVALIDATE)
        if known & {self.etag, "*"}:
            response.status, response.content, response.headers = 304, b"", []
        response.headers.append(("ETag", self.etag))
        return response


def blueprint(settings: Settings, protocols: ProtocolRegistry, slot: ModelSlot) -> Blueprint:
    """Return /openapi.json."""
    documents = Blueprint("documents", __name__)
    openapi = MadeOnce(slot, lambda served: Document.of(document(settings, protocols, served), JSON))

    @documents.get(PATH)
    def openapi_json() -> Response:
        return openapi.get().answer(this_request().header("If-None-Match"))

    return documents
