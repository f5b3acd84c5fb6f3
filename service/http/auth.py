"""Who may ask: bearer tokens (RFC 6750), known by their hashes only."""

import hashlib
import hmac
from collections.abc import Iterable

from service.errors import ServiceError


class AuthState:
    """Knows who may ask now, which a reload may change, and where the admin routes are answered."""

    def __init__(self, hashes: Iterable[bytes] | None = None) -> None:
        self.hashes = None if hashes is None else tuple(hashes)  # of the tokens; None: everybody may ask
        self.admin: tuple[str, str] | None = None  # that listener's address and port; None: they are answered anywhere

    def check(self, authorization: str) -> None:
        """Check an Authorization header, in a time that tells nothing of the tokens; raises ServiceError."""
        if self.hashes is None:
            return
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("Expected an Authorization header with a bearer token, got none.")
        given = hashlib.sha256(token.strip().encode("latin-1", "replace")).digest()
        if not sum(hmac.compare_digest(given, known) for known in self.hashes):
            raise _unauthorized("The bearer token is not one that is known here.", ', error="invalid_token"')


def _unauthorized(message: str, parameters: str = "") -> ServiceError:
    return ServiceError("unauthorized", message, {"WWW-Authenticate": f'Bearer realm="ml-service"{parameters}'})
