"""The shapes in which protocols say that a request failed; each protocol names its own."""

from service.errors import Failure
from service.formats import strict_json
from service.protocols.base import Answer

PROBLEM_JSON = "application/problem+json"


def problem_json(failure: Failure, request_id: str) -> Answer:
    """Say it as RFC 9457 has it, with every bad cell."""
    document: dict[str, object] = {
        "type": f"urn:ml-service:error:{failure.code}",
        "title": failure.title,
        "status": failure.status,
        "detail": failure.message,
        "code": failure.code,
        "request_id": request_id,
    }
    if failure.problems:
        document["errors"] = failure.problems
    return Answer(strict_json.dumps(document), PROBLEM_JSON, status=failure.status)


def error_string(failure: Failure, _request_id: str) -> Answer:
    """Say it in one string, `{"error": "code: message"}`: Open Inference Protocol, TensorFlow Serving, Vertex AI."""
    return Answer(strict_json.dumps({"error": told(failure)}), status=plain_status(failure))


def told(failure: Failure) -> str:
    """Return code and message in one string, for shapes that have no field for the code."""
    return f"{failure.code}: {failure.message}"


def plain_status(failure: Failure) -> int:
    """Return the status that protocols without 422 have for it: bad input is 400 in all of them."""
    return 400 if failure.status == 422 else failure.status
