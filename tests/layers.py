"""Where each third-party package may be imported, and arrows between rooms that are still to go."""

# Rooms, or single modules, by package; numpy, the language of the numbers, is at home wherever numbers are.
HOMES = {
    "click": ["model.commands", "service.commands"],
    "flatbuffers": ["service.formats"],
    "flask": ["service.http", "service.assembly"],
    "gunicorn": ["service.server", "service.monitoring.gunicorn_log"],
    "httptools": ["service.server.http_request"],
    "jinja2": ["service.pages.pages"],
    "joblib": ["model.sklearn_runtime.skops_io"],
    "marshmallow": ["service.validation.request_schema"],
    "msgspec": ["model.bundle"],
    "numpy": [
        "mlservice.frames",
        "mlservice.server",
        "model",
        "service.validation",
        "service.formats",
        "service.protocols",
        "service.serving",
        "service.replay",
        "service.drift",
        "service.monitoring",
        "service.scoring",
    ],
    "obstore": ["model.storage.object_stores"],
    "onnx": ["model.onnx_export.graph"],
    "onnxruntime": ["model.engines.onnx"],
    "opentelemetry": ["service.tracing.otel"],
    "orjson": ["service.formats.strict_json"],
    "pandas": ["mlservice.frames", "model.sklearn_runtime.table", "model.packing.data_files"],
    "prometheus_client": ["service.monitoring"],
    "pyarrow": ["mlservice.frames", "service.scoring.arrow_files"],
    "rich": ["model.commands.terminal"],
    "re2": ["service.monitoring.redaction"],
    "simdjson": ["service.validation.plain_numbers"],
    "sklearn": [
        "model.packing.objects",
        "model.packing.pruning",
        "model.packing.reference_model",
        "model.sklearn_runtime.skops_io",
        "model.onnx_export",
    ],
    "skops": ["model.sklearn_runtime.skops_io"],
    "werkzeug": ["service.http", "service.formats.media_types"],
    "yaml": ["model.packing.mlflow_model"],
}
# `model.pack` is there for notebooks; it imports what it is when it is called, so that serving never does.
NOTEBOOKS = ("model", "model.packing")
# Arrows against the rules that are still there.
PENDING: set[tuple[str, str]] = set()
