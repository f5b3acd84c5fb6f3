"""The application, put together from its parts."""

from dataclasses import dataclass

from flask import Flask

from service.config.settings import Settings
from service.drift.monitor import DriftMonitor
from service.http import documents, operations, predict
from service.http.auth import Auth
from service.http.framework import App, Response
from service.http.request import Request
from service.http.responses import refusal
from service.monitoring.metrics import Metrics
from service.monitoring.recorder import Recorder
from service.protocols.registry import ProtocolRegistry
from service.serving.admission import Admission
from service.serving.served_model import ModelSlot
from service.tracing.request_span import Tracer


@dataclass(frozen=True)
class Services:
    """What the application is made of."""

    settings: Settings
    protocols: ProtocolRegistry
    model: ModelSlot
    metrics: Metrics
    drift: DriftMonitor
    recorder: Recorder
    auth: Auth
    tracer: Tracer | None = None


def create_app(services: Services) -> Flask:
    """Return the WSGI application."""
    settings, protocols, model = services.settings, services.protocols, services.model

    def identify(request: Request, response: Response) -> None:
        """Add the headers that every response has."""
        response.headers += (
            ("X-Request-ID", request.request_id),
            ("traceparent", request.trace.traceparent),
            *([("X-Model-Version", model.current.contract.identity.version)] if request.trusted else ()),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", response.cache_control),
        )

    limited = settings.tokens_file or settings.admin_bind
    app = App("service", services.auth.check if limited else None, identify)
    app.url_map.converters["name"] = operations.NameConverter
    slots, metrics = settings.slots_at_most, services.metrics
    waiting, rows, seconds = settings.threads - slots, settings.prediction_rows, settings.queue_seconds
    admission = Admission(slots, waiting, rows, seconds, lambda: metrics.slot.row)
    app.register_blueprint(predict.blueprint(protocols, predict.View(model, admission, services.recorder, settings)))
    if settings.pages:  # before the protocols' own answer at the same path
        app.register_blueprint(documents.pages_blueprint(settings, protocols, model))
    app.register_blueprint(operations.blueprint(protocols, model, metrics, services.drift, settings.build_revision))
    app.register_blueprint(documents.openapi_blueprint(settings, protocols, model))
    app.register_error_handler(Exception, lambda error: refusal(error, protocols, services.recorder))
    return app
