"""Assembly of the application; nothing is decided here."""

from dataclasses import dataclass

from flask import Flask

from service.config.settings import Settings
from service.http import guard, metadata, operations, predict
from service.http.auth import AuthState
from service.http.framework import App, Response
from service.http.operations import DrainState
from service.http.request import Request
from service.http.responses import refusal
from service.monitoring.metrics import Metrics
from service.monitoring.recorder import Recorder
from service.protocols.registry import ProtocolRegistry
from service.serving.admission import Admission
from service.serving.served_model import Holder


@dataclass(frozen=True)
class Parts:
    """What the application is made of."""

    settings: Settings
    protocols: ProtocolRegistry
    holder: Holder
    metrics: Metrics
    recorder: Recorder
    auth: AuthState
    state: DrainState


def create_app(parts: Parts) -> Flask:
    """Return the WSGI application."""
    settings, protocols, holder = parts.settings, parts.protocols, parts.holder

    def identify(request: Request, response: Response) -> None:
        """Say on each answer which request and which model version it belongs to, and that it is nobody else's."""
        served = holder.peek() if request.trusted else None
        response.headers += (
            ("X-Request-ID", request.request_id),
            *([("X-Model-Version", served.contract.identity.version)] if served else ()),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        )

    limited = settings.tokens_file or settings.admin_bind
    app = App("service", guard.checks(parts.auth, protocols, parts.recorder) if limited else None, identify)
    app.url_map.converters["name"] = metadata.NameConverter
    slots = min(settings.slots, settings.threads)
    admission = Admission(slots, settings.threads - slots, settings.rows_at_once, settings.queue_seconds)
    app.register_blueprint(predict.blueprint(protocols, predict.View(holder, admission, parts.recorder, settings)))
    app.register_blueprint(metadata.blueprint(protocols, holder, parts.metrics, parts.state))
    app.register_blueprint(operations.blueprint(holder, parts.metrics, parts.state))
    app.register_error_handler(Exception, lambda error: refusal(error, protocols))
    return app
