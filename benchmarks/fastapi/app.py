"""The plain way to serve the reference model: FastAPI, pydantic, a joblib file; what ml-service is compared with."""

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load("model.joblib")


class Request(BaseModel):
    """One row."""

    features: list[float]


class Batch(BaseModel):
    """Many rows."""

    instances: list[list[float]]


@app.post("/predict")
def predict(request: Request) -> dict[str, float | int]:
    """Answer the label and its probability."""
    label = model.predict([request.features])[0]
    probabilities = model.predict_proba([request.features])[0]
    return {"prediction": int(label), "probability": float(probabilities.max())}


@app.post("/predict_batch")
def predict_batch(batch: Batch) -> dict[str, list[int] | list[list[float]]]:
    """Answer the labels and the probabilities of every class."""
    labels, probabilities = model.predict(batch.instances), model.predict_proba(batch.instances)
    return {"predictions": labels.tolist(), "probabilities": probabilities.tolist()}
