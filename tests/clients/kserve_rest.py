"""KServe's client over V1, and V2 in JSON and binary. Arguments: address, rows as JSON."""

import asyncio
import json
import sys

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig

address, rows = f"http://{sys.argv[1]}", json.loads(sys.argv[2])


async def ask():
    one, two = (InferenceRESTClient(RESTConfig(protocol=protocol)) for protocol in ("v1", "v2"))
    found = {
        "live": [await one.is_server_live(address), await two.is_server_live(address)],
        "ready": await two.is_server_ready(address),
        "model_ready": [await client.is_model_ready(address, "iris") for client in (one, two)],
        "v1": await one.infer(address, {"instances": rows}, model_name="iris"),
    }
    for name, binary in (("v2", False), ("v2_binary", True)):
        tensor = InferInput("features", list(np.shape(rows)), "FP64")
        tensor.set_data_from_numpy(np.array(rows), binary_data=binary)
        parameters = {"binary_data_output": True} if binary else None
        request = InferRequest(model_name="iris", infer_inputs=[tensor], parameters=parameters)
        answer = await two.infer(address, request, model_name="iris")
        found[name] = {output.name: output.as_numpy().tolist() for output in answer.outputs}
    try:
        await two.infer(address, {"inputs": []}, model_name="iris")
    except httpx.HTTPStatusError as error:
        found["error"] = str(error)
    return found


print(json.dumps(asyncio.run(ask())))
