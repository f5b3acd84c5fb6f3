"""The reference model: fitted, scored on held-out rows, and packed by the training stage."""

from pathlib import Path

from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from model.bundle.manifest import Score
from model.loading import Loaded
from model.packing.pack import pack


def train(output: Path, name: str, version: str, epoch: int | None = None) -> Loaded:
    """Fit logistic regression on 120 of iris's 150 rows, score it on the other 30, and pack it."""
    iris = load_iris(as_frame=True)
    rows, held_out, labels, expected = train_test_split(
        iris.data, iris.target, test_size=0.2, random_state=0, stratify=iris.target
    )
    estimator = LogisticRegression(max_iter=1000).fit(rows, labels)
    score = Score("accuracy", float(estimator.score(held_out, expected)), len(held_out))
    return pack(estimator, output, name=name, version=version, data=rows, score=score, epoch=epoch)
