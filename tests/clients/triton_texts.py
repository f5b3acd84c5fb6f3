"""tritonclient with texts, truths and numbers, one tensor for each feature. Arguments: address, columns as JSON."""

import json
import sys

import numpy as np
import tritonclient.http as triton

client, columns = triton.InferenceServerClient(sys.argv[1]), json.loads(sys.argv[2])
DTYPES = {"BYTES": object, "BOOL": bool, "FP64": float}
found = []
for binary in (True, False):
    inputs = []
    for tensor in client.get_model_metadata("mixed")["inputs"]:
        values = np.array(columns[tensor["name"]], dtype=DTYPES[tensor["datatype"]])
        inputs.append(triton.InferInput(tensor["name"], list(values.shape), tensor["datatype"]))
        inputs[-1].set_data_from_numpy(values, binary_data=binary)
    labels = client.infer("mixed", inputs).as_numpy("predict")
    found.append([label.decode() if isinstance(label, bytes) else label for label in labels])
print(json.dumps(found))
