"""The description of the served model that GET /model answers."""

from datetime import UTC, datetime

from service.serving.served_model import ServedModel


def describe_model(served: ServedModel) -> dict[str, object]:
    """Return the description, for JSON; service.openapi.operations has its schema."""
    manifest, signature = served.loaded.manifest, served.loaded.manifest.signature
    return {
        "name": manifest.name,
        "version": manifest.version,
        "digest": served.loaded.digest,
        "engine": served.loaded.engine.name,
        "task": signature.task,
        "layout": signature.layout,
        "features": signature.features,
        "outputs": signature.outputs,
        "classes": signature.classes[0] if signature.classes and signature.outputs is None else signature.classes,
        "thresholds": manifest.thresholds or None,
        "answers": [
            {"name": spec.member, "dtype": spec.dtype, "columns": spec.columns if spec.shape else None}
            for spec in served.contract.outputs
        ],
        "created_at": manifest.created_at,
        "loaded_at": datetime.fromtimestamp(served.loaded_at, UTC).isoformat(timespec="seconds"),
        "made_with": manifest.made_with,
        "score": manifest.score,
    }
