"""The routes that belong to no protocol: health checks, metrics, the model, its drift, and this document."""

from dataclasses import dataclass
from typing import Any, Final

from service import VERSION
from service.protocols.description import JSON, Operation
from service.protocols.schemas import STRING, Schema, object_of, ref

TAG: Final = "operations"
TEXT: Final = "Health checks, metrics, and what describes the model."
MODEL: Final = "Model"
MODEL_PATH: Final = "/model"
DRIFT: Final = "Drift"
_DRIFT_TEXT: Final = (
    "Of the rows that were predicted lately, whichever worker predicted them. A figure is null with fewer rows than "
    "`least_rows`, or if the bundle does not say what it was in training."
)
_STATUS: Final = object_of({"status": {"type": "string", "const": "ok"}})

_BUILD: Final = object_of(dict.fromkeys(("source", "version", "commit", "build"), STRING))
_LABEL: Final[Schema] = {"type": ["number", "string", "boolean"]}
_LABELS: Final[Schema] = {"type": "array", "items": _LABEL}


@dataclass(frozen=True)
class Route:
    """One route, and the codes of errors that only it has.

    `public` routes answer callers without a token. `admin` routes answer only at the admin address, if there is one.
    `cached` routes have an ETag. `example` is an answer in JSON.
    """

    operation: Operation
    codes: tuple[str, ...] = ()
    public: bool = False
    admin: bool = False
    cached: bool = False
    example: Any = None


def _health(name: str, summary: str, *codes: str) -> Route:
    return Route(Operation(name, summary, {JSON: _STATUS}), codes, public=True, example={"status": "ok"})


ROUTES: Final[dict[str, Route]] = {
    "/health": _health("get_health", "Whether predictions would be answered", "draining"),
    "/health/ready": _health("get_health_ready", "Whether load balancers should send requests", "draining"),
    "/health/live": _health("get_health_live", "Whether the process answers"),
    "/__heartbeat__": _health("get_heartbeat", "Whether predictions would be answered (Dockerflow)", "draining"),
    "/__lbheartbeat__": _health("get_lbheartbeat", "Whether the process answers (Dockerflow)"),
    "/__version__": Route(
        Operation("get_build", "Which build answers (Dockerflow)", {JSON: _BUILD}),
        example={"source": "", "version": VERSION, "commit": "unknown", "build": ""},
    ),
    MODEL_PATH: Route(Operation("get_model", "The model that is served", {JSON: ref(MODEL)})),
    "/model/drift": Route(
        Operation("get_drift", "How rows differ from the training data", {JSON: ref(DRIFT)}, description=_DRIFT_TEXT)
    ),
    "/metrics": Route(
        Operation(
            "get_metrics",
            "Metrics for Prometheus",
            {"text/plain": STRING, "application/openmetrics-text": STRING},
            description="OpenMetrics if `Accept` asks for it. The same from whichever worker answers.",
        ),
        admin=True,
    ),
    "/openapi.json": Route(Operation("get_openapi", "This document", {JSON: {"type": "object"}}), cached=True),
}


def model_schema() -> Schema:
    """Return the schema of GET /model."""
    return object_of(
        {
            "name": STRING,
            "version": STRING,
            "digest": {**STRING, "description": "The SHA-256 of the bundle's manifest."},
            "engine": {**STRING, "description": "What computes predictions: onnx, or scikit-learn."},
            "task": {"enum": ["classifier", "regressor", "clusterer", "outlier_detector", "transformer"]},
            "layout": {"enum": ["matrix", "table", "text", "frame"]},
            "features": {"type": "array", "items": _feature()},
            "outputs": {"type": ["integer", "null"], "description": "How many labels a row has, if they are a list."},
            "classes": {
                "type": ["array", "null"],
                "items": {"anyOf": [_LABEL, _LABELS]},  # of two lists, generated clients would know only the first
                "description": "In the order of the probabilities; for each output, if a row has several labels.",
            },
            "thresholds": {"type": ["array", "null"], "items": {"type": ["number", "null"]}},
            "answers": {"type": "array", "items": _answer(), "description": "What `outputs` of a request can name."},
            "created_at": STRING,
            "loaded_at": STRING,
            "made_with": {"type": "object", "additionalProperties": STRING},
            "score": {"anyOf": [_score(), {"type": "null"}], "description": "On rows that were held out."},
        }
    )


def _feature() -> Schema:
    members: dict[str, Any] = {
        "name": STRING,
        "dtype": {"enum": ["float64", "bool", "string", "datetime", "any"]},
        "nullable": {"type": "boolean", "description": "Whether it may be null."},
        "categories": {"anyOf": [_LABELS, {"type": "null"}], "description": "The only values, if others are refused."},
        "missing": {"enum": ["nan", "none", "object", "category"]},
    }
    return object_of(members)


def _answer() -> Schema:
    columns = {"type": ["array", "null"], "items": STRING}
    dtypes = {"enum": ["float64", "int64", "uint64", "bool", "string"]}
    return object_of({"name": STRING, "dtype": dtypes, "columns": columns})


def _score() -> Schema:
    return object_of({"metric": STRING, "value": {"type": "number"}, "rows": {"type": "integer"}})
