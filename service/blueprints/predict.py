"""The prediction routes: one view, whatever the protocol."""

from flask import Blueprint, Response
from werkzeug.exceptions import HTTPException

from service.blueprints.answers import ours, problem, this_request
from service.limiter import Limiter
from service.recording import Recorder
from service.served import Holder
from service.settings import Settings
from service.wire import Codec


def blueprint(
    routes: dict[str, Codec], holder: Holder, limiter: Limiter, recorder: Recorder, settings: Settings
) -> Blueprint:
    """Return the routes by path, each speaking its protocol."""

    def answer(codec: Codec) -> Response:
        request = this_request()
        with recorder.recording(codec.name, request.request_id) as record:
            served = record.served = holder.current()
            deadline = request.deadline(settings.request_seconds)
            body = request.read_body(settings.max_body_bytes)  # before the slot: a slow sender holds none
            record.received()
            with limiter.place(deadline, request.caller_has_gone) as place:
                record.mark("queue")
                call = codec.decode(body, request.headers.get("Content-Type", ""), served.contract)
                place.take(len(call.rows))
                record.mark("parse")
                prediction = served.predictor.predict(call.rows)
                record.mark("predict")
            content = codec.encode(call, prediction, served.contract)
            record.done(call, prediction)
        return Response(content, content_type=codec.content_type, headers={"Server-Timing": record.server_timing})

    predict = Blueprint("predict", __name__)
    for path, codec in routes.items():
        predict.add_url_rule(path, codec.name, answer, methods=["POST"], defaults={"codec": codec})

    @predict.app_errorhandler(HTTPException)
    def unrouted(error: HTTPException) -> Response:
        """Record what never reached the view too, such as a wrong method: it is still a caller that fails."""
        request, refusal = this_request(), ours(error)
        if codec := routes.get(request.path):
            recorder.refused(codec.name, request.request_id, refusal)
        return problem(refusal)

    return predict
