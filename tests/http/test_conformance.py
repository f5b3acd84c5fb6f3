"""Every predictor of scikit-learn and every usual pipeline answers over HTTP what it answers in the process.

So it does if it is compiled, but within a millionth. The tests of a case run one after the other: it is fitted once.
"""

import json
import shutil
import threading
import warnings
from functools import partial
from http.client import HTTPConnection
from random import Random
from wsgiref.simple_server import WSGIRequestHandler, make_server

import numpy as np
import pytest

from model.bundle.trust import Trust
from model.columns import is_missing
from model.errors import UnsupportedEstimator
from model.loading import TOLERANCE, load
from model.onnx_export import verification
from model.packing.pack import pack
from service.serving.served_model import ServedModel
from tests import conformance, parity, zoo
from tests.conftest import ROOT
from tests.http.conftest import Server

ROWS = 12
CASES = [*zoo.predictors(), *zoo.pipelines()]
SERVED = [case for case in CASES if not case.reason]
LINES = parity.PATH.read_text().splitlines()
COMPILED = [case for case in CASES if any(line.startswith(parity.line(case.name, None)) for line in LINES)]


def few(change):
    """Have packing compare fewer rows than `make docs` does, and take each compiled form for quick enough."""
    change("RANDOM_ROWS", 200)
    change("SINGLE_ROWS", 5)
    change("FAR_ROWS", 10)
    change("_speedup", lambda *_: 1.0)


def flat(value):
    """Yield every number of nested lists."""
    for each in value:
        yield from flat(each) if hasattr(each, "__len__") else [each]


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


def fit_and_pack(case, folder, **options):
    """Return the estimator, and its model as it was packed and loaded."""
    estimator = case.fitted()
    return estimator, pack_case(case, estimator, folder, **options)


def pack_case(case, estimator, folder, *, with_data=True, allow_pickle=False, compiled=False):
    """Pack and load."""
    data = case.rows if with_data else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pack(estimator, folder / "bundle", name="case", data=data, allow_pickle=allow_pickle, compiled=compiled)


def some_places(case):
    """Return the places of some rows."""
    return np.linspace(0, len(case.rows) - 1, ROWS).astype(int)


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


def check(case, estimator, loaded, served):
    """Compare one and many rows, by position and by name in shuffled order, to the last bit."""
    signature, places = loaded.manifest.signature, some_places(case)
    served.model.current = ServedModel.of(loaded, 0.0, 1000)
    for some in (places, *([place] for place in places[:3])):
        rows = choose(case.rows, some)
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


@pytest.fixture(scope="module")
def fitted(request):
    """Fit a case for the tests of it, which run one after the other."""
    return request.param, request.param.fitted()


@pytest.fixture(scope="module")
def bundle(fitted, tmp_path_factory):
    """Pack it with data, and compiled if it can be."""
    case, estimator = fitted
    folder = tmp_path_factory.mktemp("case")
    with pytest.MonkeyPatch.context() as patch:
        few(partial(patch.setattr, verification))
        loaded = pack_case(case, estimator, folder, compiled=case in COMPILED)
    yield folder / "bundle", loaded
    shutil.rmtree(folder)


def of_each(cases):
    return pytest.mark.parametrize("fitted", cases, indirect=True, ids=lambda case: case.name, scope="module")


@of_each(SERVED)
def test_it_answers_over_http_what_it_answers_in_the_process(fitted, bundle, served):
    """Labels equal and float64 bit-equal after the JSON round trip."""
    check(*fitted, load(bundle[0], compiled=False), served)


@of_each(SERVED)
def test_it_does_so_too_when_it_was_packed_without_data(fitted, served, tmp_path):
    """The estimator alone says enough, or is refused with the advice to give data: never another answer."""
    case, estimator = fitted
    if case.name in zoo.NEED_DATA:
        with pytest.raises(UnsupportedEstimator, match="pass its"):
            pack_case(case, estimator, tmp_path, with_data=False)
    else:
        check(case, estimator, pack_case(case, estimator, tmp_path, with_data=False), served)


@of_each(COMPILED)
def test_compiled_it_answers_over_http_what_it_answers_in_the_process(fitted, bundle, served):
    """Labels equal, numbers within a millionth; and docs/parity.md, which `make docs` writes, says that it compiles."""
    (case, estimator), (_, loaded) = fitted, bundle
    signature, form = loaded.manifest.signature, loaded.manifest.compiled
    assert form is not None, loaded.manifest.not_compiled
    served.model.current = ServedModel.of(loaded, 0.0, 1000)

    rows = choose(case.rows, some_places(case))
    labels, probabilities = expected(estimator, signature, rows)
    answer = ask(served, {"instances": cells(rows, signature)})

    equal = partial(np.testing.assert_allclose, rtol=TOLERANCE, atol=TOLERANCE)
    (equal if signature.task == "regressor" else np.testing.assert_array_equal)(answer["predictions"], labels)
    assert (probabilities is None) == ("probabilities" not in answer)
    wanted, given = map(list, (flat(probabilities or []), flat(answer.get("probabilities") or [])))
    assert len(wanted) == len(given)
    np.testing.assert_allclose(given, wanted, rtol=0, atol=TOLERANCE)


def test_every_case_is_in_the_report_of_what_compiles():
    """Compiled, or with the reason why not."""
    named = {line.split(" ", 1)[1].split(" |")[0].split(": ")[0] for line in LINES if line.startswith(("| ", "- "))}

    assert {case.name for case in CASES} <= named
    assert 100 <= len(COMPILED)


def test_the_table_in_the_documentation_is_this_one():
    """docs/conformance.md is generated from the very cases that are tested (`make docs`)."""
    assert conformance.table() == (ROOT / "docs" / "conformance.md").read_text()


@of_each([case for case in CASES if case.reason])
def test_what_skops_cannot_hold_is_refused_and_served_as_a_pinned_pickle(fitted, served, tmp_path):
    """The few are refused with the reason, as the table says; with a pickle allowed, they answer as the others do."""
    with pytest.raises(UnsupportedEstimator):
        pack_case(*fitted, tmp_path)

    digest = pack_case(*fitted, tmp_path, allow_pickle=True).digest
    check(*fitted, load(tmp_path / "bundle", Trust(digest, pickle=True)), served)
