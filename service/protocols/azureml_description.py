"""What the OpenAPI document says of Azure's `/score`."""

from typing import Final

from service.protocols.described_shapes import (
    CODE_AND_MESSAGE,
    PARAMS,
    PARAMS_OR_NULL,
    SPLIT_FRAME,
    answers_of,
    columns_of,
    method,
    mlflow_params,
    other_method,
    rows_of,
    split_frame,
)
from service.protocols.description import (
    COLUMNS,
    JSON,
    Description,
    Example,
    ModelFacts,
    Operation,
    Schema,
    object_of,
    ref,
)

_TEXT: Final = (
    "Rows, columns by name, or a data frame in pandas' split form, whose members may also stand in the document, "
    "beside `data`. `params` asks for another output than the labels, and so does `method`, which stands only beside "
    "`input_data` or `data`. The answer is a bare list: row ids do not come back."
)
_REQUEST, _FRAME = "ScoreRequest", "ScoreFrame"


def describe(facts: ModelFacts) -> Description:
    """Describe POST /score."""
    answers = {JSON: answers_of(facts)}
    requests: dict[str, Schema] = {JSON: {"anyOf": [ref(_REQUEST), ref(_FRAME)]}}
    predict = Operation("score", "Predict rows", answers, requests, _TEXT, examples=_examples(facts))
    error = object_of({"message": CODE_AND_MESSAGE})
    return Description("Azure Machine Learning", "`/score`.", predict, schemas=_schemas(facts), error=error)


def _schemas(facts: ModelFacts) -> dict[str, Schema]:
    rows = {"anyOf": [rows_of(facts), ref(COLUMNS), ref(SPLIT_FRAME)]}
    asked = {"params": PARAMS_OR_NULL}, {"method": method(facts)}
    requests = {
        f"Score{name}With{''.join(each).capitalize()}": object_of({member: rows} | each, tuple(each))
        for name, member in (("InputData", "input_data"), ("Data", "data"))
        for each in asked
    }
    frame = split_frame(facts)
    named = object_of(frame["properties"] | asked[0], ("columns", "index", "params"))
    shared = {PARAMS: mlflow_params(facts), SPLIT_FRAME: frame}
    return {**shared, **requests, _REQUEST: {"anyOf": [ref(name) for name in requests]}, _FRAME: named}


def _examples(facts: ModelFacts) -> dict[str, Example]:
    if not facts.samples:
        return {}
    rows = facts.samples
    frame = {"columns": facts.names, "index": list(range(len(rows))), "data": rows}
    examples = {
        "rows": Example("Several rows", {"input_data": rows}),
        "columns": Example("Columns by name", {"input_data": columns_of(facts, rows)}),
        "frame": Example("A data frame", {"input_data": frame}),
        "frame_in_the_document": Example("A data frame in the document itself", frame),
    }
    if asked := other_method(facts):
        examples["method"] = Example(f"What {asked} answers", {"data": rows, "method": asked})
    return examples
