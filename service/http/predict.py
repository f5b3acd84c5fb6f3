"""The prediction routes: one view, whatever the protocol."""

from dataclasses import dataclass

from flask import Blueprint, current_app
from werkzeug.exceptions import HTTPException

from service.config.settings import Settings
from service.formats.content_encoding import decompress, gzip_if_accepted
from service.http.framework import Response, this_request
from service.http.responses import ours, refusal
from service.monitoring.prediction_log import Exchange
from service.monitoring.recorder import Recorder
from service.protocols.base import Codec
from service.protocols.registry import ProtocolRegistry
from service.serving.admission import Admission
from service.serving.served_model import ModelSlot


@dataclass(frozen=True)
class View:
    """Answers a prediction request of any protocol."""

    model: ModelSlot
    admission: Admission
    recorder: Recorder
    settings: Settings

    def answer(self, codec: Codec, model: str | None = None, version: str | None = None) -> Response:
        """Read, decode, predict and encode; each failure raises an exception, and each request leaves one record."""
        request, settings = this_request(), self.settings
        with self.recorder.recording(codec, request) as record:
            served = record.served = self.model.current
            request.check_admitted()
            contract = served.contract.of_request()
            contract.check_name(model, version)
            deadline = request.deadline(settings.request_seconds)
            body = request.read_body(settings.max_body_bytes)  # before the slot: a slow sender holds none
            record.received()
            with self.admission.slot(deadline, request.incoming.caller_has_gone) as slot:
                record.step()  # parse
                body = decompress(body, request.header("Content-Encoding"), settings.max_body_bytes)
                call = codec.decode(body, request.header, contract)
                if contract.beside is not None:
                    contract.beside.check_ids(len(call.rows))
                record.step()  # queue
                slot.take(len(call.rows))
                record.step()  # predict
                prediction = served.predictor.predict(call.rows, call.further)
                record.step()  # encode
            if contract.beside is not None:
                self.recorder.ignored(codec.name, contract.beside.ignored)
                contract, prediction = contract.with_row_ids(prediction)
            answer = codec.encode(call, prediction, contract)
            compressed = gzip_if_accepted(answer.content, request.header("Accept-Encoding"), settings.gzip_bytes)
            content = answer.content if compressed is None else compressed
            if self.recorder.captures:
                record.exchange = Exchange(body, request.header("Content-Type"), answer)
            record.done(call, prediction, len(content), len(body))
        headers = {"Server-Timing": record.server_timing, **answer.headers}
        headers |= {} if compressed is None else {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
        return Response(content, answer.content_type, headers=headers)


def blueprint(protocols: ProtocolRegistry, view: View) -> Blueprint:
    """Return every protocol's prediction routes."""
    predict = Blueprint("predict", __name__)
    for codec in protocols.codecs:
        for path in codec.routes:
            predict.add_url_rule(path, codec.name, view.answer, methods=["POST"], defaults={"codec": codec})

    @predict.app_errorhandler(HTTPException)
    def unrouted(error: HTTPException) -> Response:
        """Record a prediction request that never reached the view, such as one with a wrong method, as a failure."""
        if codec := _protocol_at(this_request().path):
            view.recorder.refused(codec, this_request(), ours(error))
        return refusal(error, protocols, view.recorder)

    return predict


def _protocol_at(path: str) -> Codec | None:
    """Return the protocol that predicts at the path; None if no protocol does."""
    try:
        _, arguments = current_app.url_map.bind("").match(path, "POST")
    except HTTPException:
        return None
    return arguments.get("codec")
