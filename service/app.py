"""Assembly of the application; nothing is decided here."""

import mmap
from dataclasses import dataclass

from flask import Flask, Response

from service.blueprints import ops, pages, predict
from service.blueprints.answers import refusal, this_request
from service.blueprints.requests import Request
from service.limiter import Limiter
from service.metrics import Metrics
from service.predictionlog import PredictionLog
from service.protocols import Spoken
from service.recording import Recorder
from service.served import Holder
from service.settings import Settings


@dataclass(frozen=True)
class Parts:
    """What the application is made of, and what gunicorn's hooks reach through it."""

    settings: Settings
    spoken: Spoken
    holder: Holder
    metrics: Metrics
    log: PredictionLog
    proven: mmap.mmap | list[int]  # its one item is 1 once any worker has proven the model; workers share it


def create_app(parts: Parts) -> Flask:
    """Return the WSGI application."""
    app = Flask("service", static_folder=None)
    app.request_class = Request
    app.url_map.merge_slashes = False  # a path is a route or it is not; nothing is redirected
    app.extensions["ml-service"] = parts
    app.url_map.converters["name"] = pages.NameConverter
    settings, spoken, holder = parts.settings, parts.spoken, parts.holder
    limiter = Limiter(settings.slots, settings.queue_seconds)
    recorder = Recorder(parts.metrics, parts.log)
    app.register_blueprint(
        predict.blueprint(spoken, holder, limiter, recorder, settings.max_body_bytes, settings.gzip_bytes)
    )
    app.register_blueprint(pages.blueprint(spoken, holder, parts.metrics))
    app.register_blueprint(ops.blueprint(holder, parts.metrics))
    app.register_error_handler(Exception, lambda error: refusal(error, spoken))

    @app.after_request
    def identify(response: Response) -> Response:
        """Say on each answer which request and which model version it belongs to."""
        response.headers["X-Request-ID"] = this_request().request_id
        if served := holder.peek():
            response.headers["X-Model-Version"] = served.contract.identity.version
        return response

    return app
