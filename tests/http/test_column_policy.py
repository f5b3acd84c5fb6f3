"""Columns beside the model's: refused, or ignored, given back or filled in, in every protocol and format."""

import io
import json
import logging

import numpy as np
import pyarrow as pa
import pytest

from service.config.settings import SettingError
from tests.badinput import NAMES, ROW
from tests.dialects import ARROW, CSV, LENGTH, NPY, V2, Table, as_arrow, as_npy, csv_text
from tests.dialecttable import DIALECTS, VERTEX

ROWS = [ROW, [6.7, 3.0, 5.2, 2.3]]
IDS = [17, 2**53 + 1]
TABLE = Table(NAMES, ["float64"] * 4, ROWS)
RECORDS = TABLE.objects
WITH_IDS = [{**row, "order": number} for row, number in zip(RECORDS, IDS, strict=True)]
IDS_BEFORE = [[number, *row] for row, number in zip(ROWS, IDS, strict=True)]
SETTINGS = {"MODEL_NAME": "case", "PREDICT_ROUTE": VERTEX}


def wider(names, columns, kinds, rows=TABLE):
    """Return the table with further columns in the middle."""
    found = [[*row[:2], *cells, *row[2:]] for row, cells in zip(rows.rows, zip(*columns, strict=True), strict=True)]
    return Table([*rows.names[:2], *names, *rows.names[2:]], [*rows.kinds[:2], *kinds, *rows.kinds[2:]], found)


def structured(table):
    fields = [(name, np.array(column).dtype) for name, column in table.columns.items()]
    stream = io.BytesIO()
    np.save(stream, np.array(list(map(tuple, table.rows)), fields))
    return stream.getvalue()


NAMED = [
    each
    for each in DIALECTS
    if each.name
    in {
        *("v2, one tensor for each feature", "v2, version", "Arrow", "CSV", "v1, objects", "v1, inputs", "mlflow, CSV"),
        *("mlflow, dataframe_split", "mlflow, dataframe_records", "mlflow, inputs", "azure, input_data"),
    }
]


def ask(server, question):
    return server.client.post(question.path, data=question.body, headers=question.headers)


@pytest.mark.parametrize("dialect", NAMED, ids=lambda each: each.name)
def test_extra_columns_are_ignored_if_a_setting_says_so(serve, caplog, dialect):
    """The answer is that of the rows without them; a metric counts them, and each is named once in the log."""
    server, strict = serve(**SETTINGS, IGNORE_EXTRA_COLUMNS="1"), serve(**SETTINGS)
    question = dialect.ask(wider(["colour", "weight"], [["red", "blue"], [1.5, 2.5]], ["string", "float64"]))
    expected = dialect.read(ask(strict, dialect.ask(TABLE)).data, {})

    with caplog.at_level(logging.WARNING):
        answers = [ask(server, question) for _ in range(3)]

    assert [200] * 3 == [answer.status_code for answer in answers], answers[0].data
    assert expected == dialect.read(answers[0].data, answers[0].headers)
    assert ask(strict, question).status_code in (400, 422)
    assert 6 == server.metric("ignored_columns_total", protocol=dialect.protocol)
    assert ["colour", "weight"] == sorted(record.args[0] for record in caplog.records if record.args)


def test_extra_members_of_rows_and_fields_are_ignored(serve):
    """In native JSON, in one row and in many, and in a structured array."""
    server = serve(IGNORE_EXTRA_COLUMNS="1")
    row, named = server.predict({"features": ROW}), {**RECORDS[0], "colour": [1, {"a": None}]}
    array = structured(wider(["colour"], [["red", "blue"]], ["string"]))

    assert row.data == server.predict({"features": named}).data
    many = server.predict({"instances": ROWS})
    assert many.data == server.predict({"instances": [named, ROWS[1]]}).data
    assert many.data == server.client.post("/predict", data=array, content_type=NPY).data
    assert 422 == server.predict({"features": named, "colour": 1}).status_code
    assert 422 == server.predict({"features": {**named, NAMES[0]: "x"}}).status_code
    assert "missing_feature" == server.predict({"features": {"colour": 1}}).json["code"]


def test_how_many_columns_are_ignored_is_bounded(serve, caplog):
    """Their names come from requests: neither one request nor all together fill memory or log."""
    server = serve(IGNORE_EXTRA_COLUMNS="1")

    def extra(count, start=0):
        more = {f"{place}{'x' * 200}": 1 for place in range(start, start + count)}
        return server.predict({"features": {**RECORDS[0], **more}})

    assert [200, 422] == [extra(64).status_code, extra(65).status_code]
    with caplog.at_level(logging.WARNING):
        assert [200] * 3 == [extra(60, start).status_code for start in (100, 200, 300)]
    assert 64 + 180 == server.metric("ignored_columns_total", protocol="native")
    assert 100 == len([record for record in caplog.records if "is ignored" in record.message])


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("/predict", {"instances": WITH_IDS}),
        ("/predict", {"instances": ROWS, "order": IDS}),
        ("/v1/models/case:predict", {"instances": ROWS, "order": IDS}),
        ("/v1/models/case:predict", {"inputs": {**TABLE.columns, "order": IDS}}),
        (VERTEX, {"instances": WITH_IDS}),
        ("/invocations", {"instances": WITH_IDS}),
        ("/invocations", {"dataframe_records": WITH_IDS}),
        ("/invocations", {"inputs": {"order": IDS, **TABLE.columns}}),
        ("/invocations", {"dataframe_split": {"columns": ["order", *NAMES], "data": IDS_BEFORE}}),
    ],
)
def test_row_ids_come_back_in_json(serve, path, document):
    """From each row, from a column, or from beside the rows; numbers to the last digit."""
    server = serve(**SETTINGS, ROW_ID="order")
    (member,) = set(document) - {"order"}
    without = server.client.post(path, json={"inputs" if member == "inputs" else "instances": ROWS})

    answer = server.client.post(path, json=document)

    assert 200 == answer.status_code, answer.data
    assert {**without.json, "order": IDS} == answer.json
    assert ROWS == server.logged()[-1]["inputs"]


@pytest.mark.parametrize("document", [WITH_IDS, {"data": WITH_IDS}, {"data": ROWS, "order": IDS}])
def test_bare_lists_have_no_place_for_row_ids(serve, document):
    """SageMaker's and Azure's answers are the predictions, in the order of the rows."""
    server = serve(**SETTINGS, ROW_ID="order")

    answer = server.client.post("/score" if "data" in document else "/invocations", json=document)

    assert [0, 2] == answer.json


def test_the_id_of_one_row_comes_back_as_such(serve):
    """One row, one id; without one the answer is as it was."""
    server, named = serve(ROW_ID="order"), RECORDS[0]
    expected = server.predict({"features": ROW}).json

    assert "order" not in expected
    assert {**expected, "order": "a-7"} == server.predict({"features": {**named, "order": "a-7"}}).json
    assert {**expected, "order": 7} == server.predict({"features": ROW, "order": 7}).json


def test_row_ids_come_back_in_tables(serve):
    """As a column of CSV, npy and Arrow, whichever the request was; strings and numbers."""
    server = serve(ROW_ID="order")
    table = wider(["order"], [["a,b", "ä"]], ["string"])
    bodies = [(csv_text(table), CSV), (as_arrow(table).body, ARROW), (structured(table), NPY)]
    expected = pa.ipc.open_stream(post(server, csv_text(TABLE), CSV, ARROW)).read_all()

    for body, kind in bodies:
        found = pa.ipc.open_stream(post(server, body, kind, ARROW)).read_all()
        assert {**expected.to_pydict(), "order": ["a,b", "ä"]} == found.to_pydict()
        assert '"a,b"' in post(server, body, kind, CSV).decode()
        assert ["a,b", "ä"] == np.load(io.BytesIO(post(server, body, kind, NPY)))["order"].tolist()
        assert ["a,b", "ä"] == json.loads(post(server, body, kind, "application/json"))["order"]


def post(server, body, kind, accept):
    answer = server.client.post("/predict", data=body, headers={"Content-Type": kind, "Accept": accept})
    assert (200, accept) == (answer.status_code, answer.content_type), answer.data
    return answer.data


@pytest.mark.parametrize("ids", [IDS, ["a", "b"], [1.5, 2.5]], ids=["numbers", "strings", "floats"])
@pytest.mark.parametrize("by_feature", [True, False])
def test_row_ids_come_back_as_a_tensor(serve, ids, by_feature):
    """Beside tensors of each feature or the one of all; in JSON and binary, if it is asked for or nothing is."""
    server = serve(**SETTINGS, ROW_ID="order")
    datatype = {int: "INT64", str: "BYTES", float: "FP64"}[type(ids[0])]
    columns = TABLE.columns if by_feature else {"all": ROWS}
    inputs = [
        {"name": name, "datatype": "FP64", "shape": list(np.shape(data)), "data": data}
        for name, data in columns.items()
    ]
    inputs.insert(1, {"name": "order", "datatype": datatype, "shape": [2], "data": ids})
    expected = {"name": "order", "datatype": datatype, "shape": [2], "data": ids}

    found = server.client.post(V2, json={"inputs": inputs}).json["outputs"]
    chosen = server.client.post(V2, json={"inputs": inputs, "outputs": [{"name": "order"}]}).json["outputs"]
    others = server.client.post(V2, json={"inputs": inputs, "outputs": [{"name": "predict"}]}).json["outputs"]
    none = server.client.post(V2, json={"inputs": [each for each in inputs if each["name"] != "order"]}).json["outputs"]
    binary = server.client.post(V2, json={"inputs": inputs, "parameters": {"binary_data_output": True}})

    assert (expected, [expected]) == (found[-1], chosen)
    assert ["predict"] == [each["name"] for each in others]
    assert ["predict", "predict_proba"] == [each["name"] for each in none]
    head = json.loads(binary.data[: int(binary.headers[LENGTH])])
    assert "order" == head["outputs"][-1]["name"]
    raw = binary.data[-head["outputs"][-1]["parameters"]["binary_data_size"] :]
    packed = b"".join(len(each).to_bytes(4, "little") + each for each in map(str.encode, map(str, ids)))
    assert raw == (packed if datatype == "BYTES" else np.array(ids).tobytes())


@pytest.mark.parametrize(
    "document",
    [
        {"instances": ROWS, "order": [1]},
        {"instances": ROWS, "order": 1},
        {"instances": ROWS, "order": [1, [2]]},
        {"instances": ROWS, "order": [1, "x" * 129]},
        {"instances": [{**RECORDS[0], "order": 1}], "order": [1]},
        {"instances": [{**RECORDS[0], "order": {}}]},
        {"features": ROW, "order": [1, 2]},
    ],
)
def test_what_cannot_be_row_ids_is_refused(serve, document):
    """Another number of them than rows, two places of them, and what is neither number nor short string."""
    assert 422 == serve(ROW_ID="order").predict(document).status_code


def test_ids_that_some_rows_have_are_strings(serve):
    """A row without one has an empty one."""
    server, named = serve(ROW_ID="order"), RECORDS[0]

    assert ["7", ""] == server.predict({"instances": [{**named, "order": 7}, ROW]}).json["order"]


@pytest.fixture
def filling(serve, victim_bundles):
    """Serve a model of columns a (a number), s (a string), b and d, with values for two that may be lacking."""
    return lambda **values: serve(victim_bundles["mixed"], MODEL_NAME="case", MISSING_COLUMNS=json.dumps(values))


MIXED = ["x", True, "2021-06-05"]


@pytest.mark.parametrize("dialect", NAMED, ids=lambda each: each.name)
def test_a_column_that_is_lacking_has_its_default(filling, dialect):
    """The answer is that of rows that have the default, a constant or what the model takes for missing."""
    server, kinds = filling(a=1.5, s=None), ["bool", "string"]
    whole = Table(["b", "d", "a", "s"], [*kinds, "float64", "string"], [[True, "2021-06-05", 1.5, None]] * 2)
    expected = server.predict({"instances": whole.objects}).json["predictions"]

    answer = ask(server, dialect.ask(Table(["b", "d"], kinds, [row[:2] for row in whole.rows])))

    assert 200 == answer.status_code, answer.data
    assert expected == dialect.read(answer.data, answer.headers)[0]


def test_all_that_may_be_missing_may_be_lacking(serve, victim_bundles):
    """`missing` stands for every column that the model takes missing values in; the others must be there."""
    server = serve(victim_bundles["mixed"], MISSING_COLUMNS="missing")
    nullable = [each for each in server.model.current.contract.signature.features if each.nullable]
    lacking = {each.name: None for each in nullable}
    row = {name: cell for name, cell in zip("asbd", [1.5, *MIXED], strict=True) if name not in lacking}
    assert server.predict({"features": {**row, **lacking}}).data == server.predict({"features": row}).data
    assert {"s", "d"} <= set(lacking)
    assert "missing_feature" == server.predict({"features": {}}).json["code"]
    assert 422 == server.predict({"instances": []}).status_code


def test_a_given_value_is_not_replaced(filling):
    """Neither is null, nor a value that is not valid: a default is for a column that is not there."""
    server = filling(a=1.5)
    row = {"s": "x", "b": True, "d": "2021-06-05"}

    assert 422 == server.predict({"features": {**row, "a": None}}).status_code
    assert 422 == server.predict({"features": {**row, "a": "1"}}).status_code
    assert server.predict({"features": {**row, "a": 1.5}}).data == server.predict({"features": row}).data
    assert 422 == server.predict({"features": ["x", True, "2021-06-05"]}).status_code


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("MISSING_COLUMNS", '{"colour": 1}', "colour"),
        ("MISSING_COLUMNS", '{"a": "1"}', "a number"),
        ("MISSING_COLUMNS", '{"a": null}', "null"),
        ("MISSING_COLUMNS", '{"*": 0}', "null"),
        ("MISSING_COLUMNS", '{"a": [1]}', "JSON object"),
        ("MISSING_COLUMNS", "[1]", "JSON object"),
        ("MISSING_COLUMNS", "none of it", "missing, or"),
        ("ROW_ID", "a", "feature"),
        ("ROW_ID", "predictions", "row_id"),
        ("ROW_ID", "probability_1", "row_id"),
        ("ROW_ID", "instances", "row_id"),
    ],
)
def test_a_policy_that_the_model_cannot_follow_stops_the_start(serve, victim_bundles, name, value, word):
    """In one line that names the setting, as for other settings."""
    with pytest.raises(SettingError, match=name) as error:
        serve(victim_bundles["mixed"], **{name: value})

    assert word in str(error.value)


def test_all_policies_hold_together(serve):
    """An id, a column to ignore and one that is lacking, in one row."""
    server = serve(ROW_ID="order", IGNORE_EXTRA_COLUMNS="1", MISSING_COLUMNS=json.dumps({NAMES[3]: 0.2}))
    row = {**dict(zip(NAMES[:3], ROW[:3], strict=True)), "order": 5, "colour": "red"}
    expected = server.predict({"features": ROW}).json

    assert {**expected, "order": 5} == server.predict({"features": row}).json
    lines = ",".join(row) + "\n" + ",".join(map(str, row.values()))
    answer = json.loads(server.client.post("/predict", data=lines, content_type=CSV).data)
    assert (["5"], [expected["prediction"]]) == (answer["order"], answer["predictions"])


def test_a_default_is_not_repeated_beyond_the_most_rows(serve):
    """The rows are counted before a column is made for them."""
    server = serve(MAX_ROWS="5", MISSING_COLUMNS=json.dumps({NAMES[3]: 0.2}))
    columns = {name: [1.0] * 6 for name in NAMES[:3]}

    assert "too_many_rows" in server.client.post("/v1/models/iris:predict", json={"inputs": columns}).text


def test_repeated_names_are_refused_with_a_policy_too(serve):
    """What the policy drops is counted before it is dropped."""
    server = serve(ROW_ID="order", IGNORE_EXTRA_COLUMNS="1")
    once = json.dumps({"instances": [{**RECORDS[0], "colour": 1}]})

    answers = [
        server.client.post("/predict", data=body, content_type="application/json")
        for body in (once, once.replace("}]", ', "colour": 2}]'))
    ]

    assert [200, 422] == [answer.status_code for answer in answers]
    assert "duplicate_name" == answers[1].json["code"]


def test_as_npy_without_names_is_read_as_ever(serve):
    """A matrix has no names that a policy could be about."""
    server = serve(ROW_ID="order", IGNORE_EXTRA_COLUMNS="1", MISSING_COLUMNS=json.dumps({NAMES[3]: 0.2}))

    assert 200 == ask(server, as_npy(TABLE)).status_code
    assert 422 == server.predict({"instances": [[*ROW, 1]]}).status_code
