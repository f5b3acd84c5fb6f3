"""Ray Serve as its guide has it: a deployment that answers HTTP requests; one node, no dashboard."""

import os
import signal

import joblib
import numpy as np
import ray
from ray import serve
from starlette.requests import Request

WORKERS = int(os.environ["WORKERS"])


@serve.deployment(num_replicas=WORKERS, max_ongoing_requests=32)
class Model:
    """The model of the working directory."""

    def __init__(self, path: str) -> None:
        self.model = joblib.load(path)

    async def __call__(self, request: Request) -> dict:
        """Answer each row's label and probabilities."""
        rows = np.array((await request.json())["instances"])
        labels, probabilities = self.model.predict(rows), self.model.predict_proba(rows)
        return {"predictions": labels.tolist(), "probabilities": probabilities.tolist()}


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    ray.init(num_cpus=WORKERS + 1, include_dashboard=False)
    serve.start(http_options={"host": "127.0.0.1", "port": int(os.environ["PORT"])})
    serve.run(Model.bind(os.path.abspath("model.joblib")), blocking=True)
