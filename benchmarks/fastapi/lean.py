"""The plain app trimmed to one call of the model: its labels are 0, 1, 2, and go with the largest probability."""

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
    probabilities = model.predict_proba([request.features])[0]
    return Answer(prediction=probabilities.argmax(), probability=probabilities.max())


@app.post("/predict_batch")
def predict_batch(batch: Batch) -> Answers:
    """Answer the labels and the probabilities of every class."""
    probabilities = model.predict_proba(batch.instances)
    return Answers(predictions=probabilities.argmax(axis=1).tolist(), probabilities=probabilities.tolist())
