"""BentoML as its scikit-learn guide has it: a service class that loads once, an API of arrays."""

import os

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=int(os.environ["WORKERS"]))
class Model:
    """The model of the working directory."""

    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api
    def predict(self, rows: np.ndarray) -> dict:
        """Answer each row's label and probabilities."""
        labels, probabilities = self.model.predict(rows), self.model.predict_proba(rows)
        return {"predictions": labels.tolist(), "probabilities": probabilities.tolist()}
