"""The shapes in which protocols describe a failure."""

from service.errors import Failure
from service.formats import strict_json
from service.protocols.base import Answer
from service.tracing.context import RequestIds

PROBLEM_JSON = "application/problem+json"


def problem_json(failure: Failure, ids: RequestIds) -> Answer:
    """Describe a failure as RFC 9457 does, with every invalid cell."""
    document: dict[str, object] = {
        "type": f"urn:ml-service:error:{failure.code}",
        "title": failure.title,
        "status": failure.status,
        "detail": failure.message,
        "code": failure.code,
        "request_id": ids.request_id,
        "trace_id": ids.trace.trace_id,
        "span_id": ids.trace.span_id,
    }
    if failure.problems:
        document["errors"] = [
            {"code": each.code, "pointer": each.pointer, "expected": each.expected, "got": each.got}
            for each in failure.problems
        ]
    return Answer(strict_json.dumps(document), PROBLEM_JSON, status=failure.status)


def error_string(failure: Failure, _ids: RequestIds) -> Answer:
    """Describe a failure as `{"error": "code: message"}`: Open Inference Protocol, TensorFlow Serving, Vertex AI."""
    return Answer(strict_json.dumps({"error": code_and_message(failure)}), status=status_without_422(failure))


def code_and_message(failure: Failure) -> str:
    """Return both in one string, for shapes that have no field for the code."""
    return f"{failure.code}: {failure.message}"


def status_without_422(failure: Failure) -> int:
    """Return the status for a protocol that has no 422: bad input is 400 in all of them."""
    return 400 if failure.status == 422 else failure.status
