"""pydantic-open-inference, which labels Python's floats FP32. Arguments: address, rows as JSON."""

import json
import sys

from pydantic_open_inference import InputsBaseModel, OutputsBaseModel, RemoteModel

address, rows = f"http://{sys.argv[1]}", json.loads(sys.argv[2])


class Inputs(InputsBaseModel):
    features: list[tuple[float, float, float, float]]


class Outputs(OutputsBaseModel):
    predict: list[int]
    predict_proba: list[tuple[float, float, float]]


model = RemoteModel(
    model_name="iris", model_version="1", inputs_model=Inputs, outputs_model=Outputs, server_url=address
)
print(json.dumps({"ready": model.is_ready(), **model.infer(Inputs(features=rows)).model_dump()}))
