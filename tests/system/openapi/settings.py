"""Settings that change what callers may send, what they get, and where."""

# Each name's environment.
SETTINGS = {
    "extra columns": {"IGNORE_EXTRA_COLUMNS": "1"},
    "missing columns": {"MISSING_COLUMNS": '{"fare paid": 9.5, "port": null}'},
    "row ids": {"ROW_ID": "order_id"},
    "all policies": {"IGNORE_EXTRA_COLUMNS": "1", "MISSING_COLUMNS": "missing", "ROW_ID": "order_id"},
    "terse errors": {"TERSE_ERRORS": "1"},
    "Vertex AI": {
        "AIP_PREDICT_ROUTE": "/v1/endpoints/1/deployedModels/2:predict",
        "AIP_HEALTH_ROUTE": "/v1/endpoints/1/deployedModels/2",
        "PLATFORM": "vertex",
    },
    "no pages": {"PAGES": "0"},
}
