"""The schema of GET /model/drift, which returns a service.drift.report.Report."""

from typing import Any, Final

from service.protocols.schemas import STRING, Schema, object_of

_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}
_FIGURE: Final[Schema] = {"type": ["number", "null"]}
_STRING_OR_NULL: Final[Schema] = {"type": ["string", "null"]}
_LIMIT: Final[Schema] = {"type": "number"}
_LIMITS: Final = ("psi", "missing_ratio_above_training", "unseen_ratio", "out_of_range_ratio")


def drift_schema() -> Schema:
    """Return the schema."""
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
            "features": {"type": "array", "items": _feature()},
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


def _feature() -> Schema:
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
