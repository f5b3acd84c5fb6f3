"""KServe as its custom predictor guide has it: a Model on the ModelServer, V1 protocol."""

import argparse

import joblib
import kserve
import numpy as np


class Model(kserve.Model):
    """The model of the working directory."""

    def load(self) -> bool:
        """Load once in each worker."""
        self.model = joblib.load("model.joblib")
        self.ready = True
        return self.ready

    def predict(self, payload, headers=None):
        """Answer each row's probabilities."""
        return {"predictions": self.model.predict_proba(np.array(payload["instances"])).tolist()}


if __name__ == "__main__":
    options, _ = argparse.ArgumentParser(parents=[kserve.model_server.parser]).parse_known_args()
    model = Model(options.model_name)
    model.load()
    kserve.ModelServer().start([model])
