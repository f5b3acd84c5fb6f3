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


class Answer(BaseModel):
    """Of one row."""

    prediction: int
    probability: float


class Answers(BaseModel):
    """Of many rows."""

    predictions: list[int]
    probabilities: list[list[float]]


@app.post("/predict")
def predict(request: Request) -> Answer:
    """Answer the label and its probability."""
    label = model.predict([request.features])[0]
    probabilities = model.predict_proba([request.features])[0]
    return Answer(prediction=label, probability=probabilities.max())


@app.post("/predict_batch")
def predict_batch(batch: Batch) -> Answers:
    """Answer the labels and the probabilities of every class."""
    labels, probabilities = model.predict(batch.instances), model.predict_proba(batch.instances)
    return Answers(predictions=labels.tolist(), probabilities=probabilities.tolist())
