"""A big forest in several workers: whether it is in memory once, and stays so."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from sklearn.ensemble import RandomForestClassifier

import model
from benchmarks import load, servers
from benchmarks.contestants import CONTESTANTS, OURS, ROOT
from benchmarks.measure import say
from benchmarks.results import BigForest

WORKERS = 4
REQUESTS = 10_000
COLLECT_EVERY = 100  # as collecting.conf.py does
MOST_SECONDS = 180
_ROWS, _FEATURES, _TREES = 73_000, 20, 100
_LOADING = """
import gc, json, sys
from pathlib import Path
import model.loading, model.commands.check
before = model.commands.check.memory()
loaded = model.loading.load(Path(sys.argv[1]))
gc.collect()
after = model.commands.check.memory()
print(json.dumps(sum(after) - sum(before)))
"""


def weigh(folder: Path) -> BigForest:
    """Serve a forest of some 300 MB from four workers; weigh the tree of processes before and after load."""
    say("a forest of some 300 MB")
    rows = _pack(folder)
    ours = next(each for each in CONTESTANTS if each.name == OURS)
    conf = ours.command.replace("{root}/gunicorn.conf.py", "{root}/benchmarks/collecting.conf.py")
    alone = subprocess.run(
        [sys.executable, "-c", _LOADING, folder / "bundle"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    bodies = load.write_json(folder / "bodies", "/predict", [{"features": row} for row in rows])
    with servers.serving(dataclasses.replace(ours, command=conf), folder, rows[0], WORKERS) as server:
        load.run(server.port, bodies, 16, load.Plan(1, 1))  # every worker has answered
        before = servers.proportional_bytes()
        requests = _send(server.port, bodies)
        after = servers.proportional_bytes()
    return BigForest(json.loads(alone.stdout), WORKERS, before, after, requests, requests // COLLECT_EVERY)


def _send(port: int, bodies: load.Bodies) -> int:
    """Send load until there were REQUESTS, or MOST_SECONDS have gone; returns how many there were."""
    sent, spent, piece = 0, 0, 5
    while sent < REQUESTS and spent < MOST_SECONDS:
        sent += round(load.once(port, bodies, 16, piece).rate * piece)
        spent += piece
    return sent


def _pack(folder: Path) -> list[list[float]]:
    """Fit trees on labels that are noise, so that they grow until every leaf is pure; returns rows to send."""
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(_ROWS, _FEATURES))
    estimator = RandomForestClassifier(_TREES, max_features=1, random_state=0, n_jobs=2)
    estimator.fit(rows, draw.integers(0, 2, _ROWS))
    size = sum(tree.tree_.node_count for tree in estimator.estimators_) * (64 + 16)
    say(f"  {size / 1e6:.0f} MB of nodes; packing")
    model.pack(estimator, folder / "bundle", name="forest", data=rows)
    sent: list[list[float]] = rows[:128].tolist()
    return sent
