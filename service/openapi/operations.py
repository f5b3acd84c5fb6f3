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
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_FIGURE: Final[Schema] = {"type": ["number", "null"]}
_STRING_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
_LIMIT: Final[Schema] = {"type": "number"}
_LIMITS: Final = ("psi", "missing_ratio_above_training", "unseen_ratio", "out_of_range_ratio")


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


def drift_schema() -> Schema:
    """Return the schema of GET /model/drift, which returns a service.drift.report.Report."""
    return object_of(
        {
            "model": object_of({"name": STRING, "version": STRING, "digest": STRING}),
            "window": _window(),
            "limits": object_of(dict.fromkeys(_LIMITS, _LIMIT)),
            "over": {
                "type": "array",
                "items": object_of({"feature": _STRING_OR_NULL, "figure": STRING, "value": _LIMIT, "limit": _LIMIT}),
                "description": "The figures that are over their limits; without a feature, those of the answers.",
            },
            "features": {"type": "array", "items": _drift_feature()},
            "prediction": object_of({"psi": _FIGURE, "classes": _bins("The predicted classes.")}),
            "score": object_of(
                {
                    "kind": {
                        "anyOf": [{"enum": ["probability", "number"]}, {"type": "null"}],
                        "description": "The probability of the predicted class, or the number that is predicted.",
                    },
                    "psi": _FIGURE,
                    "bins": _bins("A tenth of the training rows each, as far as scores differ."),
                }
            ),
        }
    )


def _window() -> Schema:
    return object_of(
        {
            "rows": {**_COUNT, "description": "Rows that are compared."},
            "minutes": {"type": "number", "description": "DRIFT_MINUTES"},
            "most_rows": {**_COUNT, "description": "DRIFT_ROWS"},
            "least_rows": {**_COUNT, "description": "DRIFT_LEAST_ROWS"},
            "enough": {"type": "boolean", "description": "Whether there are at least so many."},
            "oldest_seconds": {**_FIGURE, "description": "How long ago the first row came, at most."},
        }
    )


def _drift_feature() -> Schema:
    members: dict[str, Any] = {
        "name": STRING,
        "kind": {"enum": ["number", "boolean", "category", "other"]},
        "psi": {**_FIGURE, "description": "Population stability index against the training data."},
        "missing_ratio": _FIGURE,
        "training_missing_ratio": _FIGURE,
        "unseen_ratio": {**_FIGURE, "description": "Share of rows with a category that training has not."},
        "out_of_range_ratio": {**_FIGURE, "description": "Share of rows outside `training_range`."},
        "training_range": {"type": ["array", "null"], "items": {"type": "number"}},
        "bins": _bins("Of the cells that are not missing; none if LOG_REDACT names the feature."),
    }
    return object_of(members)


def _bins(text: str) -> Schema:
    members = {
        "value": {**_STRING_OR_NULL, "description": "The category; null for numbers."},
        "low": {**_FIGURE, "description": "The numbers above this one."},
        "high": {**_FIGURE, "description": "The numbers up to this one."},
        "training": {**_FIGURE, "description": "Share in training."},
        "window": {**_FIGURE, "description": "Share in the window."},
    }
    return {"type": "array", "items": object_of(members), "description": text}
