"""The plain way to serve a model of a boosting library: FastAPI, pydantic, a joblib file, and a data frame."""

import json
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load("model.joblib")
columns = json.loads(Path("columns.json").read_text())


class Request(BaseModel):
    """One row."""

    features: list[Any]


class Batch(BaseModel):
    """Many rows."""

    instances: list[list[Any]]


def answer(rows: list[list[Any]]) -> tuple[list[int], list[list[float]]]:
    frame = pd.DataFrame(rows, columns=columns)
    return model.predict(frame).tolist(), model.predict_proba(frame).tolist()


@app.post("/predict")
def predict(request: Request) -> dict[str, Any]:
    labels, probabilities = answer([request.features])
    return {"prediction": labels[0], "probability": max(probabilities[0])}


@app.post("/predict_batch")
def predict_batch(batch: Batch) -> dict[str, Any]:
    labels, probabilities = answer(batch.instances)
    return {"predictions": labels, "probabilities": probabilities}
