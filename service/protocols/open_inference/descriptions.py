"""The pages of the Open Inference Protocol that describe server and model: metadata, health and statistics."""

from typing import Any, Final

from model.outputs import OutputDtype
from model.signature import Dtype, Feature, Signature
from service import VERSION as SERVER_VERSION
from service.formats import strict_json
from service.protocols.base import Answer, Contract, Statistics

_SERVER: Final = {"name": "ml-service", "version": SERVER_VERSION, "extensions": ["binary_tensor_data", "statistics"]}
_DATATYPES: Final[dict[Dtype, str]] = {"float64": "FP64", "bool": "BOOL"}
_ANSWERED: Final[dict[OutputDtype, str]] = {
    "float64": "FP64",
    "int64": "INT64",
    "uint64": "UINT64",
    "bool": "BOOL",
    "string": "BYTES",
}
MODEL: Final = "/v2/models/<name:model>"
VERSION: Final = f"{MODEL}/versions/<name:version>"
ALL_FEATURES: Final = "features"


def takes_matrix(signature: Signature) -> bool:
    """Return whether one tensor of all features is the model's input: all of them are numbers."""
    return all(feature.dtype == "float64" for feature in signature.features) and signature.layout == "matrix"


def datatype_of(feature: Feature) -> str:
    """Return the datatype of a tensor with one feature."""
    return _DATATYPES.get(feature.dtype, "BYTES")


def inputs_of(signature: Signature) -> list[dict[str, Any]]:
    """Return the model's input tensors: one of all features if all are numbers, else one for each feature."""
    features = signature.features
    if takes_matrix(signature):
        return [{"name": ALL_FEATURES, "datatype": "FP64", "shape": [-1, len(features)]}]
    return [{"name": feature.name, "datatype": datatype_of(feature), "shape": [-1]} for feature in features]


def _metadata(contract: Contract) -> Answer:
    document = {
        "name": contract.served_as,
        "versions": [contract.identity.version],
        "platform": contract.platform,
        "inputs": inputs_of(contract.signature),
        "outputs": [
            {"name": spec.name, "datatype": _ANSWERED[spec.dtype], "shape": [-1, *spec.shape]}
            for spec in contract.outputs
        ],
    }
    return Answer(strict_json.dumps(document))


def _ready(contract: Contract) -> Answer:
    return Answer(strict_json.dumps({"name": contract.served_as, "ready": True}))


def _counted(contract: Contract, statistics: Statistics) -> Answer:
    """Return the statistics in the shape of Triton's extension (docs/protocol/extension_statistics.md)."""

    def spent(count: int, seconds: float) -> dict[str, int]:
        return {"count": count, "ns": int(seconds * 1e9)}

    document = {
        "name": contract.served_as,
        "version": contract.identity.version,
        "inference_count": statistics.rows,
        "execution_count": statistics.succeeded,
        "inference_stats": {
            "success": spent(statistics.succeeded, statistics.succeeded_seconds),
            "fail": spent(statistics.failed, statistics.failed_seconds),
        },
        "batch_stats": [],
    }
    return Answer(strict_json.dumps({"model_stats": [document]}))


PAGES: Final = {
    "/v2/health/ready": lambda _contract: Answer(strict_json.dumps({"live": True, "ready": True})),
    MODEL: _metadata,
    VERSION: _metadata,
    f"{MODEL}/ready": _ready,
    f"{VERSION}/ready": _ready,
}
HEALTH: Final = frozenset({"/v2/health/live", "/v2/health/ready", f"{MODEL}/ready", f"{VERSION}/ready"})
STATISTICS: Final = dict.fromkeys(("/v2/models/stats", f"{MODEL}/stats", f"{VERSION}/stats"), _counted)
ALIVE: Final = {"/v2": Answer(strict_json.dumps(_SERVER)), "/v2/health/live": Answer(strict_json.dumps({"live": True}))}
