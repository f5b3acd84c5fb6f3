"""tritonclient's defaults (binary tensors), and JSON; prints what it got. Arguments: address, rows as JSON."""

import json
import sys

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

address, rows = sys.argv[1], np.array(json.loads(sys.argv[2]))
client = triton.InferenceServerClient(address)


def infer(binary=None, names=None, **options):
    tensor = triton.InferInput("features", list(rows.shape), "FP64")
    tensor.set_data_from_numpy(rows, **({} if binary is None else {"binary_data": binary}))
    outputs = names and [
        triton.InferRequestedOutput(name, **({} if binary is None else {"binary_data": binary})) for name in names
    ]
    return client.infer("iris", [tensor], outputs=outputs, **options)


def shown(result, *names):
    return {name: result.as_numpy(name).tolist() for name in names}


def refused(call):
    try:
        call()
    except InferenceServerException as error:
        return [error.status(), error.message()]
    return None


BOTH = ("predict", "predict_proba")
chosen = infer(True, ["predict_proba"])
found = {
    "live": client.is_server_live(),
    "ready": client.is_server_ready(),
    "model_ready": [client.is_model_ready("iris"), client.is_model_ready("iris", "1"), client.is_model_ready("other")],
    "server": client.get_server_metadata(),
    "model": client.get_model_metadata("iris", "1"),
    "defaults": shown(infer(request_id="7"), *BOTH),
    "id": infer(request_id="7").get_response()["id"],
    "json": shown(infer(False, BOTH), *BOTH),
    "json_to_binary": shown(infer(False), *BOTH),
    "chosen": [output["name"] for output in chosen.get_response()["outputs"]],
    "version": shown(infer(model_version="1"), *BOTH),
    "gzip": shown(infer(request_compression_algorithm="gzip", response_compression_algorithm="gzip"), *BOTH),
    "deflate": shown(infer(request_compression_algorithm="deflate"), *BOTH),
    "unknown": refused(lambda: client.get_model_metadata("other")),
    "bad": refused(
        lambda: client.infer("iris", [triton.InferInput("x", [1, 3], "FP64").set_data_from_numpy(np.ones((1, 3)))])
    ),
    "statistics": client.get_inference_statistics("iris"),
}
print(json.dumps(found))
