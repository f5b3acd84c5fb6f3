"""What is asked before any view, where access is limited: a token, and the right address."""

from flask import Flask

from service.errors import NotFound, Unauthorized
from service.http.auth import AuthState
from service.http.metadata import health_endpoints, statistics_endpoints
from service.http.responses import this_request
from service.monitoring.recorder import Recorder
from service.protocols.registry import Spoken

# Load balancers have no token, and ask at the address that they send to.
HEALTH = frozenset({"ops.live", "ops.ready"})
ADMIN = frozenset({"ops.exposition"})


def install(app: Flask, auth: AuthState, spoken: Spoken, recorder: Recorder) -> None:
    """Ask every request but health checks for a token, and answer admin routes at the admin address only."""
    health, admin = HEALTH | health_endpoints(spoken), ADMIN | statistics_endpoints(spoken)

    @app.before_request
    def guard() -> None:
        request = this_request()
        try:
            auth.check(request.environ.get("HTTP_AUTHORIZATION", ""))
        except Unauthorized as refusal:
            request.trusted = False
            if request.endpoint in health:
                return
            if codec := (request.view_args or {}).get("codec"):
                recorder.refused(codec.name, request.request_id, refusal)
            raise
        came_in = request.environ.get("SERVER_NAME"), request.environ.get("SERVER_PORT")
        if request.endpoint in admin and auth.admin not in (None, came_in):
            raise NotFound(f"{request.path} is answered at another address; see ADMIN_BIND.")
