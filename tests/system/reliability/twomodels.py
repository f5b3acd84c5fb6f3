"""The two models between which the random schedule reloads, their right answers, and broken bundles."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.conftest import ROOT
from tests.system.reliability.kinds import all_kinds, tables
from tests.system.reliability.wire import Wire

VERSIONS = ("1", "2")
# The same columns, other labels and other numbers.
PACK = """
import json, sys
import numpy as np
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from model.packing.pack import pack
rows, labels = load_iris(return_X_y=True, as_frame=True)
tables = [pd.DataFrame(table, columns=rows.columns) for table in json.load(sys.stdin)]
right = {}
for version, labels, strength in (("1", labels, 1.0), ("2", np.array(["a", "b", "c"])[labels], 0.01)):
    model = LogisticRegression(C=strength, max_iter=1000).fit(rows, labels)
    pack(model, f"{sys.argv[1]}/{version}", name="iris", version=version, data=rows)
    right[version] = [[model.predict(table).tolist(), model.predict_proba(table).tolist()] for table in tables]
print(json.dumps(right))
"""


def make(folder):
    """Pack both models and broken bundles into a folder; return scikit-learn's answers by version and table."""
    command = [sys.executable, "-c", PACK, str(folder)]
    told = json.dumps([table.rows for table in tables()]).encode()
    done = subprocess.run(command, cwd=ROOT, input=told, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    for name, damage in BROKEN.items():
        damage(shutil.copytree(folder / "2", folder / name))
    return json.loads(done.stdout.splitlines()[-1])


def _edited(bundle, before, after):
    text = (bundle / "manifest.json").read_text()
    assert before in text
    (bundle / "manifest.json").write_text(text.replace(before, after, 1))


def _model(bundle):
    return next(bundle.glob("*.skops"))


BROKEN = {
    "garbage": lambda bundle: (bundle / "manifest.json").write_text("garbage"),
    "no files": lambda bundle: [path.unlink() for path in bundle.iterdir()],
    "half a model": lambda bundle: os.truncate(_model(bundle), 999),
    "no model": lambda bundle: _model(bundle).unlink(),
    "wrong answers": lambda bundle: _edited(bundle, '"labels": [\n      "', '"labels": [\n      "x'),
    "another format": lambda bundle: _edited(bundle, '"format": ', '"format": 9'),
}


@dataclass(frozen=True)
class Right:
    """What one version answers to one kind; what the log says of it, a protocol and a code, None if nothing."""

    status: int
    body: Any
    logged: tuple[str, str] | None


def kept(kind, answer, request_id):
    """Return the part of an answer's body that is the same each time."""
    body = re.sub(rb'"(trace|span)_id":"[0-9a-f]+"', rb'"\1_id":""', answer.body.replace(request_id.encode(), b"ID"))
    return kind.keep(body) if answer.status == 200 else body


def learn(server, version, said):
    """Send each kind to a server of one version, and check its answers against scikit-learn's."""
    found, answers = {}, {}
    with Wire(server.port) as wire:
        for number, kind in enumerate(all_kinds()):
            request_id = f"learn-{version}-{number}"
            wire.send(kind.content(request_id))
            answers[request_id] = kind, wire.answer()
    logged = {line["request_id"]: (line["protocol"], line["code"]) for line in server.log()}
    for request_id, (kind, answer) in answers.items():
        assert version == answer.fields["x-model-version"]
        assert 500 > answer.status
        found[kind.name] = Right(answer.status, kept(kind, answer, request_id), logged.get(request_id))
        if kind.dialect and answer.status == 200:
            labels, probabilities = said[kind.table]
            told = kind.dialect.read(answer.body, {name.title(): value for name, value in answer.fields.items()})
            assert labels == told[0], kind.name
            assert told[1] is None or np.allclose(probabilities, told[1], rtol=0, atol=1e-6), kind.name
            assert (kind.dialect.protocol, "ok") == found[kind.name].logged
    return found
