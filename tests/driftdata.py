"""Data sets with models of them, and ways in which data may drift."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tests.conftest import ROOT

CONTRACTS = ["month to month", "one year", "two years", "by the day"]


@dataclass(frozen=True)
class Case:
    """Rows with what is known of each, and the estimator that was fitted on them."""

    rows: pd.DataFrame
    estimator: Any

    @property
    def numbers(self):
        return list(self.rows.select_dtypes("number"))

    @property
    def categories(self):
        return [name for name in self.rows if name not in self.numbers]

    def draw(self, seed, count):
        """Return rows of the training data, drawn at random."""
        return self.rows.sample(count, replace=True, random_state=seed, ignore_index=True)


def penguins():
    """Return real rows of mixed types, some of which lack values."""
    rows = pd.read_csv(ROOT / "tests/data/penguins.csv")
    return _fitted(rows.drop(columns="species"), rows.species, LogisticRegression())


def cancer():
    """Return real rows of 30 numbers, many of which are skewed."""
    rows, labels = load_breast_cancer(return_X_y=True, as_frame=True)
    return _fitted(rows, labels, LogisticRegression())


def diabetes():
    """Return real rows of a regression, most of them with few different numbers."""
    rows, target = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
    return _fitted(rows, target, Ridge())


def customers():
    """Return rows that are made up, of which there are as many others of the same distribution as are needed."""
    rows = more_customers(seed=0, count=2000)
    leave = np.random.default_rng(1).random(len(rows)) < 1 / (1 + np.exp(-(rows.monthly_charge - 62) / 20))
    return _fitted(rows, np.where(leave, "leaves", "stays"), LogisticRegression())


def more_customers(seed, count):
    """Return rows that the model of customers was not trained on."""
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "tenure_months": chance.gamma(2, 14, count).round(),
            "monthly_charge": chance.normal(62, 21, count).clip(18, 130).round(2),
            "age": np.where(chance.random(count) < 0.12, np.nan, chance.normal(46, 15, count).clip(18, 90).round()),
            "support_calls": chance.poisson(1.2, count).astype(float),
            "discount": np.where(chance.random(count) < 0.7, 0.0, chance.exponential(10, count)),
            "contract": chance.choice(CONTRACTS, count, p=[0.55, 0.25, 0.195, 0.005]),
        }
    )


CASES = {"penguins": penguins, "cancer": cancer, "diabetes": diabetes, "customers": customers}


def _fitted(rows, labels, estimator):
    categories = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), make_column_selector(dtype_include="number")),
        (categories, make_column_selector(dtype_exclude="number")),
    )
    return Case(rows, make_pipeline(columns, estimator).fit(rows, labels))


def cells(rows):
    """Return rows as requests have them."""
    return rows.astype(object).where(rows.notna(), None).to_numpy().tolist()


def shifted(rows, name, training):
    """Move a feature by one standard deviation."""
    return rows.assign(**{name: rows[name] + training[name].std()})


def in_another_unit(rows, name):
    """Multiply a feature by a thousand."""
    return rows.assign(**{name: rows[name] * 1000})


def with_missing(rows, name, share):
    """Leave out every so-many-th value of a feature."""
    places = np.arange(len(rows)) % round(1 / share) == 0
    return rows.assign(**{name: rows[name].mask(places)})


def with_unseen(rows, name, share):
    """Put a category that training has not seen in the place of some."""
    places = np.arange(len(rows)) % round(1 / share) == 0
    return rows.assign(**{name: rows[name].mask(places, "never seen")})


def swapped(rows, one, other):
    """Send each of two features as the other."""
    return rows.assign(**{one: rows[other], other: rows[one]})
