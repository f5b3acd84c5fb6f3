"""KServe as its custom predictor guide has it: a Model on the ModelServer, V1 protocol; V2 too, for binary tensors."""

import argparse
import os

import joblib
import kserve
import numpy as np

LEAN = bool(os.environ.get("LEAN"))


class Model(kserve.Model):
    """The model of the working directory."""

    def load(self) -> bool:
        """Load once in each worker."""
        self.model = joblib.load("model.joblib")
        self.ready = True
        return self.ready

    def predict(self, payload, headers=None):
        """Answer each row's label and probabilities; of binary tensors, and when lean, the probabilities alone."""
        if isinstance(payload, kserve.InferRequest):
            found = self.model.predict_proba(payload.inputs[0].as_numpy())
            output = kserve.InferOutput("probabilities", list(found.shape), "FP64")
            output.set_data_from_numpy(found, binary_data=payload.use_binary_outputs)
            return kserve.InferResponse(payload.id or "", payload.model_name, [output])
        rows = np.array(payload["instances"])
        probabilities = self.model.predict_proba(rows).tolist()
        if LEAN:
            return {"predictions": probabilities}
        return {"predictions": self.model.predict(rows).tolist(), "probabilities": probabilities}


if __name__ == "__main__":
    options, _ = argparse.ArgumentParser(parents=[kserve.model_server.parser]).parse_known_args()
    model = Model(options.model_name)
    model.load()
    kserve.ModelServer().start([model])
