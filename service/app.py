"""Assembly of the application; nothing is decided here."""

from dataclasses import dataclass
from pathlib import Path

from flask import Flask

from service.access import Gate
from service.blueprints import guard, ops, pages, predict
from service.blueprints.answers import refusal, this_request
from service.blueprints.framework import App, Response
from service.limiter import Limiter
from service.metrics import Metrics
from service.protocols import Spoken
from service.recording import Recorder
from service.served import Holder
from service.settings import Settings
from service.state import State


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
    tried: str = ""  # the state of MODEL_DIR that is served (service.watching)
    directory: Path | None = None  # where they keep that


def create_app(parts: Parts) -> Flask:
    """Return the WSGI application."""
    app = App("service")
    app.extensions["ml-service"] = parts
    app.url_map.converters["name"] = pages.NameConverter
    settings, spoken, holder = parts.settings, parts.spoken, parts.holder
    slots = min(settings.slots, settings.threads)
    limiter = Limiter(slots, settings.threads - slots, settings.rows_at_once, settings.queue_seconds)
    app.register_blueprint(predict.blueprint(spoken, holder, limiter, parts.recorder, settings))
    app.register_blueprint(pages.blueprint(spoken, holder, parts.metrics, parts.state))
    app.register_blueprint(ops.blueprint(holder, parts.metrics, parts.state))
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
