"""Writes the directories in `mlflow/` with MLflow, without what it says of environments, and what it answers to rows.

Run with mlflow-skinny 3.17, pandas, xgboost, lightgbm and catboost: python -m tests.documents.record_mlflow
"""

import json
import shutil
from pathlib import Path

import catboost
import lightgbm
import mlflow
import mlflow.catboost
import mlflow.lightgbm
import mlflow.xgboost
import numpy as np
import pandas as pd
import xgboost

HERE = Path(__file__).parent / "mlflow"
COUNT = 8  # rows with answers


class Own(mlflow.pyfunc.PythonModel):
    """Own Python code."""

    def predict(self, context, model_input):  # MLflow's interface
        """Return nothing of interest."""
        return model_input


def main():
    """Fit and log one small model of each kind."""
    shutil.rmtree(HERE, ignore_errors=True)
    draw = np.random.default_rng(0)
    rows = pd.DataFrame(draw.normal(size=(200, 3)), columns=["a", "b", "c"])
    two, three = (rows["a"] > 0).astype(int), pd.cut(rows["b"], [-9, -0.5, 0.5, 9], labels=False)
    signature = mlflow.models.infer_signature(rows, two.astype(float))
    small = xgboost.XGBClassifier(n_estimators=3, max_depth=2)
    trees = lightgbm.LGBMClassifier(n_estimators=3, num_leaves=4, verbose=-1)
    cat = catboost.CatBoostClassifier(iterations=3, depth=2, verbose=0, allow_writing_files=False, border_count=8)
    bare = xgboost.train({"objective": "binary:logistic", "max_depth": 2}, xgboost.DMatrix(rows.to_numpy(), two), 3)
    logs = {
        "xgboost-estimator": lambda path: mlflow.xgboost.save_model(small.fit(rows, two), path, signature=signature),
        "xgboost-booster": lambda path: mlflow.xgboost.save_model(bare, path, model_format="json", signature=signature),
        "xgboost-booster-classes": lambda path: mlflow.xgboost.save_model(
            small.fit(rows, three).get_booster(), path, model_format="ubj"
        ),
        "lightgbm-booster": lambda path: mlflow.lightgbm.save_model(trees.fit(rows, two).booster_, path),
        "catboost-json": lambda path: mlflow.catboost.save_model(cat.fit(rows, two), path, format="json"),
        "catboost-cbm": lambda path: mlflow.catboost.save_model(cat.fit(rows, two), path),
    }
    for name, save in logs.items():
        save(str(HERE / name))
        answers = np.asarray(mlflow.pyfunc.load_model(str(HERE / name)).predict(rows.iloc[:COUNT]), dtype=float)
        document = {"rows": rows.iloc[:COUNT].to_numpy().tolist(), "answers": answers.tolist()}
        (HERE / name / "answers.json").write_text(json.dumps(document) + "\n")
    mlflow.pyfunc.save_model(str(HERE / "own-code"), python_model=Own())
    for path in HERE.rglob("*"):
        if path.name in ("conda.yaml", "python_env.yaml", "requirements.txt", "python_model.pkl"):
            path.unlink()


if __name__ == "__main__":
    main()
