"""Authentication by bearer tokens (RFC 6750), and which routes need one. The server knows only the tokens' hashes."""

import hashlib
import hmac

from service.errors import ServiceError
from service.http.documents import is_public
from service.http.operations import METRICS, PROBES, endpoints
from service.http.request import Request
from service.monitoring.recorder import Recorder
from service.protocols.registry import ProtocolRegistry
from service.serving.served_model import ModelSlot


class Auth:
    """What precedes every view: all but health checks require a token, and admin routes require the admin address.

    Load balancers have no token, and they check the address to which they send requests.
    """

    admin: tuple[str, str] | None = None  # the admin listener's address and port; None: any

    def __init__(self, slot: ModelSlot, protocols: ProtocolRegistry, recorder: Recorder) -> None:
        self._slot, self._recorder = slot, recorder
        self._health = endpoints([*PROBES, *(path for codec in protocols.codecs for path in codec.health)])
        self._admin = endpoints([METRICS, *(path for codec in protocols.codecs for path in codec.statistics)])

    def check(self, request: Request) -> None:
        """Note the owner of the request's token; raises ServiceError."""
        try:
            request.owner = self._owner(request.environ.get("HTTP_AUTHORIZATION", ""))
        except ServiceError as refusal:
            request.trusted = False
            if request.endpoint in self._health or is_public(request):
                return
            if codec := (request.view_args or {}).get("codec"):
                self._recorder.refused(codec, request, refusal)
            raise
        came_in = request.environ.get("SERVER_NAME"), request.environ.get("SERVER_PORT")
        if request.endpoint in self._admin and self.admin not in (None, came_in):
            raise ServiceError("not_found", f"{request.path} is served at another address; see ADMIN_BIND.")

    def _owner(self, authorization: str) -> str:
        """Return the owner of the token in an Authorization header, "" if no token is needed; raises ServiceError.

        How long this takes reveals nothing about the tokens.
        """
        hashes = self._slot.hashes
        if hashes is None:
            return ""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorized("Expected an Authorization header with a bearer token, got none.")
        given = hashlib.sha256(token.strip().encode("latin-1", "replace")).digest()
        if not sum(hmac.compare_digest(given, known) for known in hashes):
            raise _unauthorized("The bearer token is not known.", ', error="invalid_token"')
        return hashes[given]


def _unauthorized(message: str, parameters: str = "") -> ServiceError:
    return ServiceError("unauthorized", message, {"WWW-Authenticate": f'Bearer realm="ml-service"{parameters}'})
