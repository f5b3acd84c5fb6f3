"""Settings that change what callers may send, what they get, and where."""

# Each name's environment.
SETTINGS = {
    "all policies": {"IGNORE_EXTRA_COLUMNS": "1", "MISSING_COLUMNS": "missing", "ROW_ID": "order_id"},
    "terse errors": {"TERSE_ERRORS": "1"},
    "Vertex AI": {
        "AIP_PREDICT_ROUTE": "/v1/endpoints/1/deployedModels/2:predict",
        "AIP_HEALTH_ROUTE": "/v1/endpoints/1/deployedModels/2",
        "PLATFORM": "vertex",
    },
}
