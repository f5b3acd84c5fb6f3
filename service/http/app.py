"""Assembly of the application; nothing is decided here."""

from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from service.config.settings import Settings
from service.http import guard, metadata, operations, predict
from service.http.auth import Gate
from service.http.framework import App, Response
from service.http.responses import refusal, this_request
from service.monitoring.metrics import Metrics
from service.monitoring.recorder import Recorder
from service.protocols.registry import Spoken
from service.server.shared_state import State
from service.serving.admission import Limiter
from service.serving.served_model import Holder


@dataclass(frozen=True)
class Parts:
    """What the application is made of, and what gunicorn's hooks reach through it."""

    settings: Settings
    spoken: Spoken
    holder: Holder
    metrics: Metrics
    recorder: Recorder
    gate: Gate
    state: State  # what the server's processes tell each other
    tried: str = ""  # the state of MODEL_DIR that is served (service.serving.model_directory)
    directory: Path | None = None  # where they keep that


def create_app(parts: Parts) -> Flask:
    """Return the WSGI application."""
    app = App("service")
    app.extensions["ml-service"] = parts
    app.url_map.converters["name"] = metadata.NameConverter
    settings, spoken, holder = parts.settings, parts.spoken, parts.holder
    slots = min(settings.slots, settings.threads)
    limiter = Limiter(slots, settings.threads - slots, settings.rows_at_once, settings.queue_seconds)
    app.register_blueprint(predict.blueprint(spoken, holder, limiter, parts.recorder, settings))
    app.register_blueprint(metadata.blueprint(spoken, holder, parts.metrics, parts.state))
    app.register_blueprint(operations.blueprint(holder, parts.metrics, parts.state))
    app.register_error_handler(Exception, lambda error: refusal(error, spoken))
    if settings.tokens_file or settings.admin_bind:
        guard.install(app, parts.gate, spoken, parts.recorder)

    @app.after_request
    def identify(response: Response) -> Response:
        """Say on each answer which request and which model version it belongs to, and that it is nobody else's."""
        request = this_request()
        served = holder.peek() if request.trusted else None
        response.fields += (
            ("X-Request-ID", request.request_id),
            *([("X-Model-Version", served.contract.identity.version)] if served else ()),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        )
        return response

    return app
