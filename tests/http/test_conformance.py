"""Every predictor of scikit-learn and every usual pipeline answers over HTTP what it answers in the process."""

import json
import threading
import warnings
from http.client import HTTPConnection
from random import Random
from wsgiref.simple_server import WSGIRequestHandler, make_server

import numpy as np
import pytest

from model.bundle.trust import Trust
from model.columns import is_missing
from model.errors import UnsupportedEstimator
from model.loading import load
from model.packing.pack import pack
from service.serving.served_model import ServedModel
from tests import conformance, zoo
from tests.conftest import ROOT
from tests.http.conftest import Server

ROWS = 12
CASES = [*zoo.predictors(), *zoo.pipelines()]


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        """Say nothing."""


@pytest.fixture(scope="module")
def served(iris_bundle):
    """One application on a real socket, which is given one model after the other."""
    server = Server(iris_bundle, MAX_ROWS="1000")
    with make_server("127.0.0.1", 0, server.app, handler_class=Quiet) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.port = http.server_port
        yield server
        http.shutdown()
        thread.join()


def ask(served, document):
    connection = HTTPConnection("127.0.0.1", served.port, timeout=30)
    try:
        connection.request("POST", "/predict", json.dumps(document), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = json.loads(answer.read())
    finally:
        connection.close()
    assert answer.status == 200, content
    return content


def prepare(case, folder, *, with_data=True, allow_pickle=False, compiled=False):
    """Fit, pack and load; return the estimator, its model, some rows as it was fitted on them, and as JSON has them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = case.fitted()
        data = case.rows if with_data else None
        loaded = pack(
            estimator, folder / "bundle", name="case", data=data, allow_pickle=allow_pickle, compiled=compiled
        )
    places = np.linspace(0, len(case.rows) - 1, ROWS).astype(int)
    return estimator, loaded, lambda some: choose(case.rows, some), places


def choose(rows, places):
    """Return some rows as they were fitted on.

    Numbers lie row after row in memory, as they do in the server: the last bits of a product depend on how they lie.
    """
    if isinstance(rows, list):
        return [rows[place] for place in places]
    if not hasattr(rows, "columns"):
        return rows.iloc[places] if hasattr(rows, "iloc") else rows[places]
    chosen = rows.iloc[places]
    if set(chosen.dtypes.map(str)) - {"float64", "int64"}:
        return chosen
    return type(rows)(np.ascontiguousarray(chosen.to_numpy()), columns=rows.columns, copy=False)


def expected(estimator, signature, rows):
    """Return what the estimator answers in this process: labels, and probabilities by row."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        labels = np.asarray(estimator.predict(rows)).tolist()
        found = estimator.predict_proba(rows) if signature.probabilities else None
    if isinstance(found, list):
        found = [list(row) for row in zip(*(each.tolist() for each in found), strict=True)]
    return labels, found if found is None or isinstance(found, list) else found.tolist()


def cells(rows, signature):
    """Return rows as JSON has them: dates as text; truth as a number to a model that was never told it is truth."""
    values = rows.to_numpy(dtype=object).tolist() if hasattr(rows, "iloc") else np.asarray(rows, dtype=object).tolist()
    values = [row if isinstance(row, list) else [row] for row in values]
    kinds = [feature.dtype for feature in signature.features]
    return [[_cell(cell, kind) for cell, kind in zip(row, kinds, strict=True)] for row in values]


def _cell(cell, kind):
    if is_missing(cell):
        return None
    if kind == "float64" and isinstance(cell, bool):
        return int(cell)
    return cell.isoformat() if hasattr(cell, "isoformat") else cell


def check(case, served, folder, **options):
    """Compare one and many rows, by position and by name in shuffled order, to the last bit."""
    estimator, loaded, choose, places = prepare(case, folder, **options)
    signature = loaded.manifest.signature
    served.model.current = ServedModel.of(load(folder / "bundle", Trust(loaded.digest, pickle=True)), 0.0, 1000)
    for some in (places, *([place] for place in places[:3])):
        rows = choose(some)
        by_position = cells(rows, signature)
        shuffled = Random(0).sample(range(len(signature.names)), len(signature.names))
        by_name = [{signature.names[place]: row[place] for place in shuffled} for row in by_position]
        labels, probabilities = expected(estimator, signature, rows)
        for instances in (by_position, by_name):
            answer = ask(served, {"instances": instances})
            assert labels == answer["predictions"]
            assert probabilities == answer.get("probabilities")
        if len(some) == 1:
            assert labels[0] == ask(served, {"features": by_name[0]})["prediction"]


@pytest.mark.parametrize("case", [case for case in CASES if not case.reason], ids=lambda case: case.name)
def test_it_answers_over_http_what_it_answers_in_the_process(case, served, tmp_path):
    """Labels equal and float64 bit-equal after the JSON round trip."""
    check(case, served, tmp_path)


@pytest.mark.parametrize("case", [case for case in CASES if not case.reason], ids=lambda case: case.name)
def test_it_does_so_too_when_it_was_packed_without_data(case, served, tmp_path):
    """The estimator alone says enough, or is refused with the advice to give data: never another answer."""
    if case.name in zoo.NEED_DATA:
        with pytest.raises(UnsupportedEstimator, match="pass its"):
            prepare(case, tmp_path, with_data=False)
    else:
        check(case, served, tmp_path, with_data=False)


def test_the_table_in_the_documentation_is_this_one():
    """docs/conformance.md is generated from the very cases that are tested (`make docs`)."""
    assert conformance.table() == (ROOT / "docs" / "conformance.md").read_text()


@pytest.mark.parametrize("case", [case for case in CASES if case.reason], ids=lambda case: case.name)
def test_what_skops_cannot_hold_is_refused_and_served_as_a_pinned_pickle(case, served, tmp_path):
    """The few are refused with the reason, as the table says; with a pickle allowed, they answer as the others do."""
    with pytest.raises(UnsupportedEstimator):
        prepare(case, tmp_path)

    check(case, served, tmp_path, allow_pickle=True)
