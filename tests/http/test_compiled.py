"""Every model that compiles answers over HTTP what the estimator answers in the process, within a millionth."""

from functools import partial

import numpy as np
import pytest

from model.loading import TOLERANCE, load
from model.onnx_export import verification as parity_of_models
from service.serving.served_model import ServedModel
from tests import parity, zoo
from tests.http.test_conformance import CASES, ask, cells, expected, prepare, served  # noqa: F401  # a fixture

LINES = parity.PATH.read_text().splitlines()
COMPILED = [case for case in CASES if any(line.startswith(parity.line(case.name, None)) for line in LINES)]


def few(change):
    """Have packing compare fewer rows, and take each compiled form for quick enough."""
    change("RANDOM_ROWS", 200)
    change("SINGLE_ROWS", 5)
    change("_speedup", lambda *_: 1.0)


def flat(value):
    """Yield every number of nested lists."""
    for each in value:
        yield from flat(each) if hasattr(each, "__len__") else [each]


@pytest.fixture(autouse=True)
def few_rows(monkeypatch):
    """Compare on fewer rows than packing does: `make docs` compares on all, and writes down what it found."""
    few(lambda name, value: monkeypatch.setattr(parity_of_models, name, value))


@pytest.mark.parametrize("case", COMPILED, ids=lambda case: case.name)
def test_a_compiled_model_answers_over_http_what_it_answers_in_the_process(case, served, tmp_path):  # noqa: F811
    """Labels equal, numbers within a millionth; and docs/parity.md, which `make docs` writes, says that it compiles."""
    estimator, loaded, choose, places = prepare(case, tmp_path, compiled=True)
    signature, form = loaded.manifest.signature, loaded.manifest.compiled
    assert form is not None, loaded.manifest.not_compiled
    served.model.current = ServedModel.of(load(tmp_path / "bundle"), 0.0, 1000)

    rows = choose(places)
    labels, probabilities = expected(estimator, signature, rows)
    answer = ask(served, {"instances": cells(rows, signature)})

    equal = partial(np.testing.assert_allclose, rtol=TOLERANCE, atol=TOLERANCE)
    (equal if signature.task == "regressor" else np.testing.assert_array_equal)(answer["predictions"], labels)
    assert (probabilities is None) == ("probabilities" not in answer)
    wanted, given = map(list, (flat(probabilities or []), flat(answer.get("probabilities") or [])))
    assert len(wanted) == len(given)
    np.testing.assert_allclose(given, wanted, rtol=0, atol=TOLERANCE)


def test_every_case_is_in_the_report():
    """Compiled, or with the reason why not."""
    named = {line.split(" ", 1)[1].split(" |")[0].split(": ")[0] for line in LINES if line.startswith(("| ", "- "))}

    assert {case.name for case in zoo.predictors() + zoo.pipelines()} <= named
    assert 100 <= len(COMPILED)
