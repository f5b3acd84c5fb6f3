"""Authentication by bearer tokens (RFC 6750), of which only hashes are known."""

import hashlib
import hmac
from collections.abc import Mapping

from service.errors import ServiceError


class AuthState:
    """Knows which tokens are accepted now, which a reload can change, and where admin routes are answered."""

    def __init__(self, hashes: Mapping[bytes, str] | None = None) -> None:
        self.hashes = hashes  # of the tokens, each with its owner; None: no token is needed
        self.admin: tuple[str, str] | None = None  # the admin listener's address and port; None: any

    def check(self, authorization: str) -> str:
        """Return whose token an Authorization header has, "" if no token is needed; raises ServiceError.

        The time that it takes reveals nothing about the tokens.
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
