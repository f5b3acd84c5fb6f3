"""The check that precedes every view if access is limited: a token, and the right address."""

from collections.abc import Callable

from service.errors import ServiceError
from service.http.auth import AuthState
from service.http.metadata import endpoints
from service.http.request import Request
from service.http.web import is_public
from service.monitoring.recorder import Recorder
from service.protocols.registry import ProtocolRegistry

# Load balancers have no token, and they check the address to which they send requests.
HEALTH = frozenset({"ops.live", "ops.ready"})
ADMIN = frozenset({"ops.exposition"})


def checks(auth: AuthState, protocols: ProtocolRegistry, recorder: Recorder) -> Callable[[Request], None]:
    """Return the check: all but health checks require a token, and admin routes require the admin address."""
    health = HEALTH.union(*(endpoints(codec.health) for codec in protocols.codecs))
    admin = ADMIN.union(*(endpoints(codec.statistics) for codec in protocols.codecs))

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
