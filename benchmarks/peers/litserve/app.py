"""LitServe as its guide has it: a LitAPI whose steps decode, predict and encode."""

import os

import joblib
import litserve
import numpy as np


class Model(litserve.LitAPI):
    """The model of the working directory."""

    def setup(self, device):
        """Load once in each worker."""
        self.model = joblib.load("model.joblib")

    def decode_request(self, request):
        """Read the rows."""
        return np.array(request["instances"])

    def predict(self, rows):
        """Compute each row's label and probabilities."""
        return self.model.predict(rows), self.model.predict_proba(rows)

    def encode_response(self, found):
        """Answer them."""
        labels, probabilities = found
        return {"predictions": labels.tolist(), "probabilities": probabilities.tolist()}


if __name__ == "__main__":
    workers = int(os.environ["WORKERS"])
    # fast_queue is the documentation's setting for high throughput.
    server = litserve.LitServer(Model(), accelerator="cpu", workers_per_device=workers, fast_queue=True)
    server.run(host="127.0.0.1", port=int(os.environ["PORT"]), num_api_servers=workers, generate_client_file=False)
