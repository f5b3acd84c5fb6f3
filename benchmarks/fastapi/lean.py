"""The plain app trimmed to one call of the model: its labels are 0, 1, 2, and go with the largest probability."""

from app import Answer, Answers, Batch, Request, model
from fastapi import FastAPI

app = FastAPI()


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
