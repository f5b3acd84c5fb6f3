"""Every protocol answers what `/predict` answers, to the last bit, whatever the model."""

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


@pytest.fixture(scope="module", params=MODELS)
def asked(request, tmp_path_factory):
    """Give a server of one model, and some rows for it."""
    case = MODELS[request.param]
    folder = tmp_path_factory.mktemp("dialects") / "bundle"
    loaded = pack(case.fitted(), folder, name="case", data=case.rows)
    signature = loaded.manifest.signature
    places = np.linspace(0, len(case.rows) - 1, 12).astype(int)
    rows = [case.rows[place] for place in places] if isinstance(case.rows, list) else case.rows.iloc[places]
    table = Table(list(signature.names), [feature.dtype for feature in signature.features], cells(rows, signature))
    return Server(folder, PREDICT_ROUTE=VERTEX), table


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.name)
def test_every_protocol_answers_what_the_native_one_does(asked, dialect):
    """Labels and probabilities are equal to the last bit; a format that has no missing text gets rows without."""
    server, table = asked
    if not dialect.can(table):
        table = Table(table.names, table.kinds, [row for row in table.rows if None not in row])
    if dialect.name == "v2, raw" and not dialect.can(table):
        assert 400 == server.client.post(V2, data=b"", headers={LENGTH: "0"}).status_code, "it is for one input"
        return
    expected = server.predict({"instances": table.rows}).json
    question = dialect.ask(table)

    answer = server.client.post(question.path, data=question.body, headers=question.headers)

    assert 200 == answer.status_code, answer.data
    labels, probabilities = dialect.read(answer.data, answer.headers)
    assert expected["predictions"] == labels
    if dialect.protocol in ("v2", "native"):
        assert expected.get("probabilities") == probabilities
    assert dialect.protocol == server.logged()[-1]["protocol"]
    assert len(table.rows) == server.logged()[-1]["rows"]
