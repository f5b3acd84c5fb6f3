"""A model of customers who leave, made up for pictures: numbers, categories, and values that are missing."""

PACK = """
import sys
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from model.bundle.manifest import Score
from model.packing.pack import pack
chance, count = np.random.default_rng(7), 2000
rows = pd.DataFrame({
    "tenure_months": chance.gamma(2, 14, count).round(),
    "monthly_charge": chance.normal(62, 21, count).clip(18, 130).round(2),
    "age": np.where(chance.random(count) < 0.12, np.nan, chance.normal(46, 15, count).clip(18, 90).round()),
    "support_calls": chance.poisson(1.2, count).astype(float),
    "contract": chance.choice(["month to month", "one year", "two years"], count, p=[0.55, 0.25, 0.2]),
    "payment": chance.choice(["card", "direct debit", "invoice"], count, p=[0.5, 0.3, 0.2]),
})
leaning = (
    0.025 * (rows.monthly_charge - 62)
    + 0.6 * (rows.support_calls - 1.2)
    - 0.05 * (rows.tenure_months - 28)
    + rows.contract.map({"month to month": 0.7, "one year": -0.6, "two years": -1.6})
)
labels = np.where(chance.random(count) < 1 / (1 + np.exp(-leaning)), "leaves", "stays")
numbers = list(rows.select_dtypes("number"))
columns = ColumnTransformer([
    ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), numbers),
    ("categories", OneHotEncoder(), ["contract", "payment"]),
])
train, held_out = slice(0, 1600), slice(1600, None)
model = make_pipeline(columns, LogisticRegression()).fit(rows[train], labels[train])
score = Score("accuracy", model.score(rows[held_out], labels[held_out]), 400)
pack(model, sys.argv[1], name="churn", version="7", data=rows[train], score=score)
"""
