"""The prediction log in the shapes of other platforms: SageMaker's Data Capture, and KServe's CloudEvents.

They hold the bodies of requests and answers; the native line has rows and predictions instead.
"""

import base64
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from service.errors import OK, InvalidJson
from service.formats import strict_json
from service.formats.media_types import parse_content_type
from service.monitoring.prediction_log import Exchange, Outcome, Shape
from service.protocols.base import JSON

# Members of a native line that these shapes have under other names.
_KNOWN: Final = ("time", "request_id", "trace_id", "span_id")


class Payload(NamedTuple):
    """A body, and its Content-Type."""

    content: bytes
    content_type: str

    @property
    def media_type(self) -> str:
        """The content type without parameters."""
        return parse_content_type(self.content_type)[0]

    @property
    def text(self) -> str | None:
        """The body as a string, None if it is binary. Open Inference V2 may append binary data to JSON."""
        with suppress(UnicodeDecodeError):
            if self.media_type.startswith("text/") or "json" in self.media_type:
                return self.content.decode()
        return None


def data_capture(outcome: Outcome, entry: Mapping[str, Any], exchange: Exchange | None) -> Iterator[dict[str, Any]]:
    """Yield the line of SageMaker's Data Capture; for a failure, it has only the output, which says why."""
    captured = {}
    if outcome.code == OK:
        asked, answered = _payloads(entry, exchange)
        captured["endpointInput"] = _captured(asked, "INPUT")
    else:
        answered = Payload(strict_json.dumps(_reason(entry)), JSON)
    captured["endpointOutput"] = _captured(answered, "OUTPUT")
    yield {
        "captureData": captured,
        "eventMetadata": {"eventId": outcome.request_id, "inferenceTime": f"{entry['time'][:19]}Z"},
        "eventVersion": "0",
    }


def _captured(payload: Payload, mode: str) -> dict[str, str]:
    text = payload.text
    encoding = "BASE64" if text is None else "CSV" if payload.media_type == "text/csv" else "JSON"
    data = base64.b64encode(payload.content).decode() if text is None else text
    return {"observedContentType": payload.content_type, "mode": mode, "data": data, "encoding": encoding}


def cloud_events(name: str | None) -> Shape:
    """Return the shape of KServe's events, for the model under this name, or None for the bundle's own name.

    A request and its answer are two events with the same id, as KServe's logger sends them. A failure is one event, of
    a type of its own.
    """

    def events(outcome: Outcome, entry: Mapping[str, Any], exchange: Exchange | None) -> Iterator[dict[str, Any]]:
        served = name or (outcome.model.name if outcome.model else "")
        event = {
            "specversion": "1.0",
            "id": outcome.request_id,
            "source": f"/v2/models/{quote(served, safe='')}" if served else "/",
            "time": entry["time"],
            "inferenceservicename": served,
            "namespace": "default",
            "component": "predictor",
            "endpoint": "default",
            "traceparent": outcome.trace.traceparent,
        }
        if outcome.code != OK:
            yield {**event, "type": FAILED, "datacontenttype": JSON, "data": _reason(entry)}
            return
        for kind, payload in zip((REQUEST, RESPONSE), _payloads(entry, exchange), strict=True):
            yield {**event, "type": kind, "datacontenttype": payload.content_type or JSON, **_data(payload)}

    return events


REQUEST: Final = "org.kubeflow.serving.inference.request"
RESPONSE: Final = "org.kubeflow.serving.inference.response"
FAILED: Final = "ml-service.inference.failed"


def _data(payload: Payload) -> dict[str, Any]:
    """Return the data of an event: a JSON value, a string, or base64 (the JSON format of CloudEvents, 3.1)."""
    if payload.media_type == JSON or payload.media_type.endswith("+json"):
        with suppress(InvalidJson):  # binary data may follow the JSON
            return {"data": strict_json.loads(payload.content)}
    elif (text := payload.text) is not None:
        return {"data": text}
    return {"data_base64": base64.b64encode(payload.content).decode()}


def _payloads(entry: Mapping[str, Any], exchange: Exchange | None) -> tuple[Payload, Payload]:
    """Return both bodies; if they must not be logged as they are, bodies of the native protocol made of the line."""
    if exchange is not None:
        answer = exchange.answer
        return Payload(exchange.body, exchange.content_type), Payload(answer.content, answer.content_type)
    answered = {name: entry[name] for name in ("predictions", "probabilities") if name in entry}
    asked = {"instances": entry["inputs"]}
    return Payload(strict_json.dumps(asked), JSON), Payload(strict_json.dumps(answered), JSON)


def _reason(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name not in _KNOWN}


def shape_of(log_format: str, name: str | None) -> Shape | None:
    """Return the shape that LOG_FORMAT names, None for the native one; `name` is that of `cloud_events`."""
    return {"native": None, "sagemaker": data_capture, "cloudevents": cloud_events(name)}[log_format]
