"""The routes of Mozilla's Dockerflow: https://github.com/mozilla-services/Dockerflow."""

from pathlib import Path
from typing import Final

from flask import Blueprint

from service import VERSION
from service.formats import strict_json
from service.http.framework import Response
from service.http.operations import DrainState, check_ready
from service.http.responses import json_response
from service.protocols.base import JSON

PROBES: Final = ("/__heartbeat__", "/__lbheartbeat__")
# Made with the image.
_FILE: Final = Path(__file__).parents[2] / "version.json"


def blueprint(state: DrainState, revision: str) -> Blueprint:
    """Return /__version__, /__heartbeat__ and /__lbheartbeat__."""
    routes = Blueprint("dockerflow", __name__)
    build = _build(revision)

    @routes.get("/__lbheartbeat__")
    def alive() -> Response:
        """Answer 200 as long as the process answers at all."""
        return json_response({"status": "ok"})

    @routes.get("/__heartbeat__")
    def ready() -> Response:
        """Answer 200 if predictions would be answered, else 503 with the reason."""
        check_ready(state)
        return json_response({"status": "ok"})

    @routes.get("/__version__")
    def version() -> Response:
        """Answer which build this is."""
        return Response(build, JSON)

    return routes


def _build(revision: str) -> bytes:
    """Return the version object of the image, or one of what is known elsewhere."""
    try:
        return _FILE.read_bytes()
    except FileNotFoundError:
        return strict_json.dumps({"source": "", "version": VERSION, "commit": revision, "build": ""})
