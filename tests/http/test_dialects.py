"""Every protocol answers what `/predict` answers, to the last bit, whatever the model."""

from functools import cache

import numpy as np
import pytest

from model.packing.pack import pack
from tests import zoo
from tests.dialects import LENGTH, V2, Table
from tests.dialecttable import DIALECTS, VERTEX
from tests.http.conftest import Server
from tests.http.test_conformance import cells

NAMES = ["mixed types with missing values", "text", "multi-output classes", "polynomial and ridge", "string labels"]
MODELS = {case.name: case for case in [*zoo.pipelines(), *zoo.predictors()]}
MODELS = {name: MODELS[name] for name in ["LogisticRegression", *NAMES, "missing numbers", "multilabel network"]}


RAW = next(dialect for dialect in DIALECTS if dialect.name == "v2, raw")
SEVERAL_INPUTS = ["mixed types with missing values"]  # bytes without names are for one input
PAIRS = [
    (model, each) for model in MODELS for each in DIALECTS if (model, each) not in [(m, RAW) for m in SEVERAL_INPUTS]
]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    """Pack each model once; give a server of one, and some rows for it."""

    @cache
    def of(model):
        case = MODELS[model]
        folder = tmp_path_factory.mktemp("dialects") / "bundle"
        signature = pack(case.fitted(), folder, name="case", data=case.rows).manifest.signature
        places = np.linspace(0, len(case.rows) - 1, 12).astype(int)
        rows = [case.rows[place] for place in places] if isinstance(case.rows, list) else case.rows.iloc[places]
        table = Table(list(signature.names), [feature.dtype for feature in signature.features], cells(rows, signature))
        return Server(folder, PREDICT_ROUTE=VERTEX), table

    return of


def sayable(dialect, table):
    """Return the rows of a table that a dialect can say: some take one row, some have no word for a missing string."""
    rows = table.rows if dialect.can(table) else [row for row in table.rows if None not in row]
    return Table(table.names, table.kinds, rows[: dialect.most_rows])


@pytest.mark.parametrize(("model", "dialect"), PAIRS, ids=lambda value: getattr(value, "name", value))
def test_every_protocol_answers_what_the_native_one_does(asked, model, dialect):
    """Labels and probabilities are equal to the last bit; a format that has no missing text gets rows without."""
    server, table = asked(model)
    table = sayable(dialect, table)
    expected = server.predict({"instances": table.rows}).json
    question = dialect.ask(table)

    answer = server.client.post(question.path, data=question.body, headers=question.headers)

    assert 200 == answer.status_code, answer.data
    labels, probabilities = dialect.read(answer.data, answer.headers)
    wanted = expected.get("probabilities") if dialect.protocol in ("v2", "native") else None
    assert (expected["predictions"], wanted) == (labels, probabilities)
    assert dialect.protocol == server.logged()[-1]["protocol"]
    assert len(table.rows) == server.logged()[-1]["rows"]


@pytest.mark.parametrize("model", SEVERAL_INPUTS)
def test_raw_bytes_are_refused_by_a_model_of_several_inputs(asked, model):
    """They have no names that would say which input they are for."""
    server, _ = asked(model)

    answer = server.client.post(V2, data=b"", headers={LENGTH: "0"})

    assert 400 == answer.status_code
