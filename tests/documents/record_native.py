"""Writes the models in `native/` with the libraries, and what these answer to some rows.

Run in the environment of `make test-models`: .venv-models/boosting/bin/python -m tests.documents.record_native
"""

import json
from pathlib import Path

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost

HERE = Path(__file__).parent / "native"
COUNT = 12  # rows with answers


def frame(draw):
    """Return rows with a name that has a space, categories, and missing values."""
    rows = pd.DataFrame(draw.normal(size=(300, 3)), columns=["body mass", "age", "dose"])
    rows["city"] = pd.Categorical(draw.choice(["Rome", "Oslo", "Lima", "Bern"], 300))
    rows.loc[::7, "age"] = np.nan
    rows.loc[::11, "city"] = np.nan
    return rows


def target(rows, kind):
    """Return what the models are fitted for."""
    score = rows["body mass"] + rows["age"].fillna(0.3) - 2 * rows["city"].isin(["Oslo", "Bern"]) + 0.8
    if kind == "number":
        return np.exp(score / 2).round(2)
    return (score > 0).astype(int) if kind == "binary" else pd.cut(score, [-9, -0.5, 0.5, 9], labels=False)


def record(name, suffix, rows, answers, save):
    """Write a model, and its answers beside it."""
    save(str(HERE / f"{name}.{suffix}"))
    cells = rows.astype(object).where(rows.notna(), None).to_numpy().tolist()
    document = {"columns": list(rows.columns), "rows": cells, "answers": np.asarray(answers, dtype=float).tolist()}
    (HERE / f"{name}.json.answers").write_text(json.dumps(document) + "\n")


def record_deep(rows):
    """Write a model whose trees are no symmetric ones, of several classes, with a scale and a bias."""
    model = catboost.CatBoostClassifier(
        iterations=2, depth=3, grow_policy="Depthwise", border_count=8, verbose=0, allow_writing_files=False
    ).fit(rows, target(rows.assign(city="Rome"), "classes"))
    model.set_scale_and_bias(0.5, [0.25, 0.0, -0.25])
    answers = model.predict_proba(rows.iloc[:COUNT])
    for form in ("cbm", "json"):
        record("catboost-deep", form, rows.iloc[:COUNT], answers, lambda path, form=form: model.save_model(path, form))


def main():
    """Fit small models of each kind."""
    HERE.mkdir(exist_ok=True)
    rows = frame(np.random.default_rng(0))
    few, numbers = rows.iloc[:COUNT], rows.drop(columns="city")
    record_deep(numbers)
    small = {"n_estimators": 4, "max_depth": 3, "max_cat_to_onehot": 1}
    for kind, classifier in (("binary", True), ("classes", True), ("number", False)):
        fitted = target(rows, kind)
        model = (xgboost.XGBClassifier if classifier else xgboost.XGBRegressor)(
            **small, enable_categorical=True, **({} if classifier else {"objective": "count:poisson"})
        ).fit(rows, fitted)
        answers = model.predict_proba(few) if classifier else model.predict(few)
        record(f"xgboost-{kind}", "json" if kind == "classes" else "ubj", few, answers, model.save_model)
        options = {"num_leaves": 6, "min_data_per_group": 5, "cat_smooth": 1, "verbose": -1}
        model = (
            lightgbm.LGBMClassifier(n_estimators=4, **options)
            if classifier
            else lightgbm.LGBMRegressor(n_estimators=4, objective="poisson", **options)
        ).fit(rows, fitted)
        answers = model.predict_proba(few) if classifier else model.predict(few)
        record(f"lightgbm-{kind}", "txt", few, answers, model.booster_.save_model)
        model = (catboost.CatBoostClassifier if classifier else catboost.CatBoostRegressor)(
            iterations=4, depth=3, verbose=0, allow_writing_files=False, border_count=8
        ).fit(numbers, fitted)
        answers = model.predict_proba(numbers.iloc[:COUNT]) if classifier else model.predict(numbers.iloc[:COUNT])
        for suffix, form in (("cbm", "cbm"), ("json", "json")):
            save = lambda path, form=form, model=model: model.save_model(path, format=form)  # noqa: E731  # it is passed
            record(f"catboost-{kind}", suffix, numbers.iloc[:COUNT], answers, save)


if __name__ == "__main__":
    main()
