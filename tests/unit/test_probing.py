"""Asking an estimator what it accepts: the right answers, in few calls."""

import time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from model.packing.pack import pack
from model.packing.probing import ENOUGH, Prober
from model.prediction import Prediction

WIDTH = 1000


class Engine:
    """Refuses any row that holds NaN in one of the given columns, and counts the calls and rows it is asked."""

    name = "counting"

    def __init__(self, refusing):
        self.refusing = list(refusing)
        self.calls = self.rows = 0

    def predict(self, rows):
        self.calls += 1
        self.rows += len(rows)
        if np.isnan(rows[:, self.refusing]).any():
            raise ValueError("NaN")
        return Prediction(np.zeros(len(rows)), None)


@pytest.mark.parametrize(
    ("refusing", "most_calls"),
    [(range(0), 1), (range(5), 100), (range(WIDTH // 2), 1100), (range(0, WIDTH, 2), 2 * WIDTH + ENOUGH)],
    ids=["none", "few", "half", "every other"],
)
def test_accepted_columns_share_calls(refusing, most_calls):
    """Each column is judged as if it had been asked alone, and columns that accept cost few calls together."""
    engine = Engine(refusing)

    accepted = Prober(engine, np.zeros((1, WIDTH))).accepted([(place, np.nan) for place in range(WIDTH)])

    assert set(range(WIDTH)) - set(refusing) == accepted
    assert engine.calls <= most_calls


def test_a_few_columns_that_are_refused_speak_for_those_like_them():
    """A group none of whose sample is accepted counts as refused in few calls; certain columns are tried themselves."""
    engine = Engine(set(range(WIDTH)) - {1, 3, WIDTH - 1})
    groups = [place < WIDTH // 2 for place in range(WIDTH)]

    prober = Prober(engine, np.zeros((1, WIDTH)), groups)
    accepted = prober.accepted([(place, np.nan) for place in range(WIDTH)], certain={2, 3})

    assert {3} == accepted
    assert engine.calls <= 2 * ENOUGH + 5


def test_one_accepted_candidate_is_enough():
    """A column is found if any of its candidates is accepted; columns without candidates are not asked about."""
    engine = Engine([0, 1])

    found = Prober(engine, np.zeros((1, 3))).accepting_any({0: [np.nan, 1.0], 1: [np.nan], 2: []})

    assert {0} == found


def test_packing_costs_in_proportion_to_the_number_of_columns(tmp_path):
    """Ten times the columns cost at most fifteen times the CPU time."""

    def seconds(width):
        data = pd.DataFrame(np.random.default_rng(0).normal(size=(50, width))).add_prefix("column ")
        estimator = LinearRegression().fit(data, data["column 0"])
        start = time.process_time()
        pack(estimator, tmp_path / str(width), name="wide", data=data)
        return time.process_time() - start

    seconds(10)  # imports, and what libraries do once
    assert seconds(2000) <= 15 * seconds(200)
