"""Responses: JSON, the answers of protocols, and errors in the format of the path's protocol."""

import logging

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound

from model.errors import ValueRefused
from service.errors import ServiceError, describe
from service.formats import strict_json
from service.http.framework import Response, this_request
from service.monitoring.prediction_log import Refusal
from service.monitoring.recorder import Recorder
from service.protocols.base import JSON, Answer
from service.protocols.registry import ProtocolRegistry
from service.tracing.context import RequestIds

logger = logging.getLogger(__name__)
_MOST_LOGGED = 3  # problems of one request


def json_response(value: object) -> Response:
    """Answer 200 with a JSON document."""
    return Response(strict_json.dumps(value), JSON)


def response_of(answer: Answer) -> Response:
    """Return a protocol's answer as a response."""
    return Response(answer.content, answer.content_type, status=answer.status, headers=answer.headers)


def refusal(error: Exception, protocols: ProtocolRegistry, recorder: Recorder) -> Response:
    """Answer an exception in the format of the path's protocol.

    The caller is told nothing about an unexpected exception; its traceback goes to the log. A request without a record,
    because it is not a prediction request, gets its line in the prediction log here.
    """
    failure = describe(ours(error) if isinstance(error, HTTPException) else error)
    asked = this_request()
    if failure.status == 500:
        logger.error("%s failed: %s", _named(asked.ids), failure.code, exc_info=error)
    redaction = recorder.redaction
    if isinstance(error, ValueRefused):
        logger.info("%s: a step of the model refused a value: %s", _named(asked.ids), redaction.words(error))
    if protocols.terse:
        # The line contains no values, and no names that may be values.
        detail = "; ".join(f"{each.pointer}: expected {each.expected}" for each in failure.problems[:_MOST_LOGGED])
        detail = redaction.detail(failure) if redaction.features or not detail else detail
        logger.debug("%s: %s: %s", _named(asked.ids), failure.code, detail)
    response = response_of(protocols.refuse(asked.path, failure, asked.ids))
    response.headers += failure.headers.items()
    if not asked.recorded and failure.code != "draining":  # that is the normal answer to a health check
        asked.use_trace(recorder.unrouted(asked.ids, Refusal(response.status, failure, asked.http_facts())))
    return response


def _named(ids: RequestIds) -> str:
    return f"request {ids.request_id} (trace {ids.trace.trace_id})"


def ours(error: HTTPException) -> Exception:
    """Return our own error for one that Flask raised before a view was reached."""
    request = this_request()
    asked = f"{request.method} {request.path[:100]}"
    if isinstance(error, NotFound):
        return ServiceError("not_found", f"There is no route for {asked}; predictions are made with POST /predict.")
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        message = f"{request.path} takes {allowed}, got {request.method[:20]}."
        return ServiceError("method_not_allowed", message, {"Allow": allowed})
    return ServiceError("bad_request", f"{error.name}: {asked}.") if error.code and error.code < 500 else error
