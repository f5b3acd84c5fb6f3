"""How an error leaves: problem+json (RFC 9457), from the one table of errors."""

import logging
from typing import cast

from flask import Response, request
from werkzeug.exceptions import HTTPException
from werkzeug.exceptions import MethodNotAllowed as WrongMethod
from werkzeug.exceptions import NotFound as NoRoute

from service import jsontext
from service.blueprints.requests import Request
from service.errors import BadRequest, Failure, MethodNotAllowed, NotFound, describe

logger = logging.getLogger(__name__)
PROBLEM_JSON = "application/problem+json"


def this_request() -> Request:
    """Return the request being answered."""
    return cast("Request", request)


def json_response(value: object) -> Response:
    """Answer 200 with a JSON document."""
    return Response(jsontext.dumps(value), mimetype="application/json")


def problem(error: Exception) -> Response:
    """Answer any exception; one that is not ours goes to the log with its traceback, and not to the caller."""
    failure = describe(ours(error) if isinstance(error, HTTPException) else error)
    if failure.status == 500:
        logger.error("request %s failed: %s", this_request().request_id, failure.code, exc_info=error)
    return Response(_document(failure), failure.status, failure.headers, content_type=PROBLEM_JSON)


def _document(failure: Failure) -> bytes:
    document: dict[str, object] = {
        "type": f"urn:ml-service:error:{failure.code}",
        "title": failure.title,
        "status": failure.status,
        "detail": failure.message,
        "code": failure.code,
        "request_id": this_request().request_id,
    }
    if failure.problems:
        document["errors"] = failure.problems
    return jsontext.dumps(document)


def ours(error: HTTPException) -> Exception:
    """Say in our own errors what the framework found before a view was reached."""
    asked = f"{request.method} {request.path[:100]}"
    if isinstance(error, NoRoute):
        return NotFound(f"There is no route for {asked}; predictions are made with POST /predict.")
    if isinstance(error, WrongMethod):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return MethodNotAllowed(f"{request.path} takes {allowed}, got {request.method[:20]}.", allowed)
    return BadRequest(f"{error.name}: {asked}.") if error.code and error.code < 500 else error
