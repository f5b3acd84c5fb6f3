"""The plain way to serve the reference model: FastAPI, pydantic, a joblib file; what ml-service is compared with."""

import joblib
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load("model.joblib")


class Request(BaseModel):
    """One row."""

    features: list[float]


@app.post("/predict")
def predict(request: Request) -> dict[str, float | int]:
    """Answer the label and its probability."""
    probabilities = model.predict_proba([request.features])[0]
    return {"prediction": int(probabilities.argmax()), "probability": float(probabilities.max())}
