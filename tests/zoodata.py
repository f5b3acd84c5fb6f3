"""The real data that the zoo's estimators are fitted on, and what real tables have besides numbers."""

import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.experimental import enable_iterative_imputer  # noqa: F401  # makes the next import work

IRIS = load_iris(as_frame=True)


WINE = load_wine(as_frame=True)


CANCER = load_breast_cancer(as_frame=True)


DIABETES = load_diabetes(as_frame=True)


TWO = np.c_[DIABETES.target, DIABETES.target[::-1]]


def _mixed() -> tuple[pd.DataFrame, np.ndarray]:
    """Return real measurements with what real tables have: texts, truth values, codes, dates, gaps."""
    rows = DIABETES.data.iloc[:300].copy()
    frame = pd.DataFrame(
        {
            "age": rows["age"].where(rows.index % 7 != 0),
            "bmi": rows["bmi"],
            "pressure": pd.cut(rows["bp"], 3, labels=["low", "normal", "high"]).astype(str),
            "group": pd.Series(np.where(rows["s1"] > 0, "treated", "control")).where(rows.index % 11 != 0),
            "male": rows["sex"] > 0,
            "site": (rows["s2"] * 100).round().astype(int) % 4,
        }
    )
    return frame, (DIABETES.target.iloc[:300] > 140).astype(int).to_numpy()


MIXED, SICK = _mixed()


TEXTS = load_breast_cancer().DESCR.splitlines() + load_iris().DESCR.splitlines() + load_wine().DESCR.splitlines()


TEXTS = [line for line in TEXTS if len(line.split()) > 3]


LONG = [int(len(line) > 60) for line in TEXTS]


# Two ways of missing, dates, whole numbers that may be missing, and a column that nobody uses.
AWKWARD = MIXED.assign(
    category=pd.Categorical(MIXED["group"]),
    note=pd.Series([None if place % 5 == 0 else "xyz"[place % 3] for place in range(len(MIXED))], dtype=object),
    since=pd.to_datetime(["2020-01-01", "2021-06-05", "2022-12-31"])[np.arange(len(MIXED)) % 3],
    visits=pd.array([None if place % 9 == 0 else place % 4 for place in range(len(MIXED))], dtype="Int64"),
    ident=[f"P{place}" for place in range(len(MIXED))],
)


FEW, ONE_TARGET = DIABETES.data.iloc[:200], TWO[:200, 0]


PRESENT = np.c_[IRIS.target == 0, IRIS.target == 1, IRIS.target > 0].astype(int)
