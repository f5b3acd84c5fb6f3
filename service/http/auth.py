"""Authentication by bearer tokens (RFC 6750). The server knows only their hashes."""

import hashlib
import hmac
from collections.abc import Mapping

from service.errors import ServiceError


class AuthState:
    """Knows which tokens are accepted, which a reload can change, and at which address admin routes are answered."""

    def __init__(self, hashes: Mapping[bytes, str] | None = None) -> None:
        self.hashes = hashes  # of the tokens, each with its owner; None: no token is needed
        self.admin: tuple[str, str] | None = None  # the admin listener's address and port; None: any

    def check(self, authorization: str) -> str:
        """Return the owner of the token in an Authorization header, "" if no token is needed; raises ServiceError.

        How long this takes reveals nothing about the tokens.
        """
        if self.hashes is None:
            return ""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("Expected an Authorization header with a bearer token, got none.")
        given = hashlib.sha256(token.strip().encode("latin-1", "replace")).digest()
        if not sum(hmac.compare_digest(given, known) for known in self.hashes):
            raise _unauthorized("The bearer token is not known.", ', error="invalid_token"')
        return self.hashes[given]


def _unauthorized(message: str, parameters: str = "") -> ServiceError:
    return ServiceError("unauthorized", message, {"WWW-Authenticate": f'Bearer realm="ml-service"{parameters}'})
