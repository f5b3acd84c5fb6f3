"""Writes the table of boosting libraries in docs/conformance.md: `python -m tests.system.models.boosting.table`.

It packs a model of each library in each of the ways that people use them.
"""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pandas as pd
import xgboost
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from model.packing.pack import pack
from tests.conftest import ROOT

TABLE = ROOT / "tests" / "models" / "boosting.md"
HEAD = ("| library | model | packed as | engine | difference | without the library |", "|---|---|---|---|---|---|")
# The most that a probability may differ by; XGBoost computes these in float32. Numbers may not differ at all.
MOST = {"XGBoost": 1.2e-7, "LightGBM": 1e-15, "CatBoost": 1e-15}
NUMERIC = ("regressor", "ranker")
ROWS = 500
NUMBERS = ["net price", "area"]
LIBRARIES = {
    "XGBoost": {
        "classifier": lambda **own: xgboost.XGBClassifier(n_estimators=20, n_jobs=1, **own),
        "regressor": lambda **own: xgboost.XGBRegressor(n_estimators=20, n_jobs=1, **own),
        "ranker": lambda: xgboost.XGBRanker(n_estimators=20, n_jobs=1),
        "categories": {"enable_categorical": True},
        "early": {"early_stopping_rounds": 3},
        "quiet": {"verbose": False},
    },
    "LightGBM": {
        "classifier": lambda **own: lightgbm.LGBMClassifier(n_estimators=20, n_jobs=1, verbose=-1, **own),
        "regressor": lambda **own: lightgbm.LGBMRegressor(n_estimators=20, n_jobs=1, verbose=-1, **own),
        "ranker": lambda: lightgbm.LGBMRanker(n_estimators=20, n_jobs=1, verbose=-1),
        "categories": {},
        "early": {"early_stopping_round": 3},
        "quiet": {},
    },
    "CatBoost": {
        "classifier": lambda **own: catboost.CatBoostClassifier(
            iterations=20, verbose=0, thread_count=1, allow_writing_files=False, **own
        ),
        "regressor": lambda **own: catboost.CatBoostRegressor(
            iterations=20, verbose=0, thread_count=1, allow_writing_files=False, **own
        ),
        "ranker": lambda: catboost.CatBoostRanker(iterations=20, verbose=0, thread_count=1, allow_writing_files=False),
        "categories": {"cat_features": ["colour"]},
        "early": {"early_stopping_rounds": 3},
        "quiet": {},
    },
}


def frame() -> pd.DataFrame:
    """Return rows with two columns of numbers, one of them also missing, and one of strings."""
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "net price": draw.normal(size=ROWS),
            "area": np.where(draw.random(ROWS) < 0.2, np.nan, draw.normal(size=ROWS)),
            "colour": draw.choice(["red", "green", "blue"], ROWS),
        }
    )


def labels(rows: pd.DataFrame) -> Any:
    noise = np.random.default_rng(1).normal(size=len(rows))
    return ((rows["net price"] + (rows["colour"] == "red") + 0.3 * noise) > 0).astype(int)


def mixed(last: Any) -> Any:
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    return make_pipeline(make_column_transformer((OneHotEncoder(), ["colour"]), (numbers, NUMBERS)), last)


def _categorical(own: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    """Return a model that takes the strings itself; CatBoost does so with strings, the others with categories."""
    rows = rows if own["categories"].get("cat_features") else rows.astype({"colour": "category"})
    return own["classifier"](**own["categories"]).fit(rows, labels(rows)), rows


def _early(own: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    rows, target = rows[NUMBERS], labels(rows)
    model, half = own["classifier"](**own["early"]), ROWS // 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # LightGBM would have other names for these
        return model.fit(rows[:half], target[:half], eval_set=[(rows[half:], target[half:])], **own["quiet"]), rows


def _ranker(own: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
    model, group = own["ranker"](), np.arange(ROWS) // 50
    rows, target = rows[NUMBERS], labels(rows)
    if isinstance(model, lightgbm.LGBMRanker):
        return model.fit(rows, target, group=np.bincount(group)), rows
    named = {"qid": group} if isinstance(model, xgboost.XGBRanker) else {"group_id": group}
    return model.fit(rows, target, **named), rows


Fit = Callable[[dict[str, Any], pd.DataFrame], tuple[Any, pd.DataFrame]]


def _plain(make: Callable[[dict[str, Any]], Any], *, filled: bool = False) -> Fit:
    """Return how a model of the columns of numbers is fitted."""

    def fit(own: dict[str, Any], rows: pd.DataFrame) -> tuple[Any, pd.DataFrame]:
        given = rows[NUMBERS].fillna(0) if filled else rows[NUMBERS]
        return make(own).fit(given, labels(rows)), given

    return fit


CASES: dict[str, Fit] = {
    "classifier": _plain(lambda own: own["classifier"](), filled=True),
    "missing values": _plain(lambda own: own["classifier"]()),
    "several classes": lambda own, rows: (
        own["classifier"]().fit(rows[NUMBERS], np.digitize(rows["net price"], [-0.5, 0.5])),
        rows[NUMBERS],
    ),
    "regressor": lambda own, rows: (own["regressor"]().fit(rows[NUMBERS], rows["net price"] * 3), rows[NUMBERS]),
    "ranker": _ranker,
    "categories of its own": _categorical,
    "early stopping": _early,
    "mixed pipeline": lambda own, rows: (mixed(own["classifier"]()).fit(rows, labels(rows)), rows),
    "calibrated": _plain(lambda own: CalibratedClassifierCV(own["classifier"]())),
    "searched": _plain(lambda own: GridSearchCV(own["classifier"](), {"max_depth": [2, 3]})),
    "stacked": _plain(
        lambda own: StackingClassifier([("trees", own["classifier"]()), ("line", LogisticRegression())]), filled=True
    ),
}


def lines() -> Iterator[str]:
    """Yield the table's lines."""
    yield from HEAD
    for library, own in LIBRARIES.items():
        for name, fit in CASES.items():
            with tempfile.TemporaryDirectory() as folder:
                yield _line(library, name, *fit(own, frame()), Path(folder) / "bundle")


def _line(library: str, name: str, model: Any, rows: pd.DataFrame, folder: Path) -> str:
    loaded = pack(model, folder, name="model", data=rows, allow_pickle=True)
    manifest, form = loaded.manifest, loaded.manifest.compiled
    difference = _difference(form.largest_difference, 0.0 if name in NUMERIC else MOST[library]) if form else "unknown"
    without = "no" if manifest.requires else "yes"
    return f"| {library} | {name} | {', '.join(manifest.kinds)} | {loaded.engine.name} | {difference} | {without} |"


def _difference(found: float, most: float) -> str:
    if found > most:
        return f"{found:g}"
    return f"at most {most:g}".replace("e-0", "e-") if most else "bit-equal"


if __name__ == "__main__":
    TABLE.write_text("\n".join(lines()) + "\n")
