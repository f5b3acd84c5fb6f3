"""Authentication by bearer tokens (RFC 6750), and which routes need one. The server knows only the tokens' hashes."""

import hashlib
import hmac
from collections.abc import Callable, Mapping

from service.errors import ServiceError
from service.http.operations import METRICS, PROBES, endpoints
from service.http.request import Request
from service.http.web import is_public
from service.monitoring.recorder import Recorder
from service.protocols.registry import ProtocolRegistry


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


def checks(auth: AuthState, protocols: ProtocolRegistry, recorder: Recorder) -> Callable[[Request], None]:
    """Return what precedes every view: all but health checks require a token, and admin routes the admin address.

    Load balancers have no token, and they check the address to which they send requests.
    """
    health = endpoints([*PROBES, *(path for codec in protocols.codecs for path in codec.health)])
    admin = endpoints([METRICS, *(path for codec in protocols.codecs for path in codec.statistics)])

    def check(request: Request) -> None:
        try:
            request.owner = auth.check(request.environ.get("HTTP_AUTHORIZATION", ""))
        except ServiceError as refusal:
            request.trusted = False
            if request.endpoint in health or is_public(request):
                return
            if codec := (request.view_args or {}).get("codec"):
                recorder.refused(codec, request, refusal)
            raise
        came_in = request.environ.get("SERVER_NAME"), request.environ.get("SERVER_PORT")
        if request.endpoint in admin and auth.admin not in (None, came_in):
            raise ServiceError("not_found", f"{request.path} is served at another address; see ADMIN_BIND.")

    return check
