"""Draws results.png from results.json: `python -m benchmarks.chart results.json results.png`, where matplotlib is."""

import statistics
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot  # the backend is chosen first

from benchmarks.contestants import CONTESTANTS
from benchmarks.results import CELLS, Results

TITLES = {"logistic": "LogisticRegression, iris", "forest": "RandomForest(100)", "boosting": "HistGradientBoosting"}
OURS = "ml-service"
DRAWN = [cell for cell in CELLS if cell.key != "one1"]


def draw(results: Results, path: Path) -> None:
    """Draw one panel for each model and cell: the median of requests per second, the spread of the rounds as a line."""
    cases = [case for case in TITLES if any(each.case == case for each in results.measurements)]
    if not cases:
        return  # only formats, starts or memory were measured
    figure, panels = pyplot.subplots(
        len(DRAWN), len(cases), figsize=(4.6 * len(cases), 7.6), layout="constrained", squeeze=False
    )
    for line, cell in zip(panels, DRAWN, strict=True):
        for panel, case in zip(line, cases, strict=True):
            _panel(panel, results, case, cell.key)
            panel.set_title(f"{TITLES[case]}\n{cell.title}", fontsize=10)
    figure.suptitle("Requests per second\none worker on one core", fontsize=12)
    figure.savefig(path, dpi=110)


def _panel(panel: Any, results: Results, case: str, cell: str) -> None:
    names = dict.fromkeys(each.contestant for each in results.measurements if (each.case, each.cell) == (case, cell))
    rates = {name: results.values(name, case, cell) for name in reversed(names)}
    middles = {name: statistics.median(found) for name, found in rates.items()}
    floors = [each.name for each in CONTESTANTS if each.floor]
    colours = ["#d1495b" if name == OURS else "#c9c9c9" if name in floors else "#5b7f95" for name in rates]
    panel.barh(list(rates), list(middles.values()), color=colours)
    for place, (name, found) in enumerate(rates.items()):
        panel.hlines(place, min(found), max(found), color="black", linewidth=1)
        panel.annotate(f" {middles[name]:,.0f}", (max(found), place), va="center", fontsize=8)
    panel.set_xlim(0, max(max(found) for found in rates.values()) * 1.18)
    panel.tick_params(labelsize=8)
    panel.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    draw(Results.read(Path(sys.argv[1])), Path(sys.argv[2]))
