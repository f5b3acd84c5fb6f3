"""What the OpenAPI document says of `/invocations`, for MLflow and SageMaker, and of the pages beside it."""

from typing import Final

from service.formats import csv_text, npy
from service.protocols.described_shapes import (
    CODE_AND_MESSAGE,
    PARAMS,
    PARAMS_OR_NULL,
    SPLIT_FRAME,
    answers_of,
    columns_of,
    csv_of,
    lines_of,
    mlflow_params,
    other_method,
    rows_of,
    rows_or_columns,
    split_frame,
    with_ids,
)
from service.protocols.description import (
    JSON,
    ROW,
    STRING,
    Description,
    Example,
    ModelFacts,
    Operation,
    Schema,
    object_of,
    ref,
)

LINES: Final = "application/jsonlines"
_TEXT: Final = (
    "The body says whether MLflow or SageMaker is meant. An object with `dataframe_split`, `dataframe_records`, "
    "`instances` or `inputs`, and CSV with a header line, are MLflow's: the answer has `predictions`. A bare list, CSV "
    "without a header line, JSON Lines and npy are SageMaker's: the answer is a bare list, of the type that `Accept` "
    "asks for. Columns by name are lists of the same length."
)
_WRAPPED: Final = "WrappedRow"
_REQUEST, _LIST, _ANSWER = "InvocationsRequest", "InvocationsRows", "InvocationsPredictions"


def describe(facts: ModelFacts) -> Description:
    """Describe POST /invocations, and the pages that MLflow and SageMaker ask for."""
    texts: dict[str, Schema] = {csv_text.MEDIA_TYPE: STRING, LINES: STRING, npy.MEDIA_TYPE: {}}
    predict = Operation(
        "invocations",
        "Predict rows",
        {JSON: {"anyOf": [ref(_ANSWER), answers_of(facts)]}, **texts},
        {JSON: {"anyOf": [ref(_REQUEST), ref(_LIST)]}, **texts},
        _TEXT,
        examples=_examples(facts),
    )
    error = object_of({"error_code": STRING, "message": CODE_AND_MESSAGE})
    return Description("MLflow, SageMaker", "`/invocations`.", predict, _pages(), _schemas(facts), error)


def _pages() -> dict[str, Operation]:
    text: dict[str, Schema] = {"text/plain": STRING}
    transforms = object_of(
        {
            "MaxConcurrentTransforms": {"type": "integer"},
            "BatchStrategy": {"const": "MULTI_RECORD"},
            "MaxPayloadInMB": {"type": "integer"},
        }
    )
    return {
        "/ping": Operation("ping", "Whether predictions would be answered", text),
        "/version": Operation("server_version", "The version of the server", text),
        "/execution-parameters": Operation("execution_parameters", "How batch transform jobs ask", {JSON: transforms}),
    }


def _schemas(facts: ModelFacts) -> dict[str, Schema]:
    wrapped = rows_of(facts, ref(_WRAPPED))
    bodies: dict[str, Schema] = {
        "dataframe_split": ref(SPLIT_FRAME),
        "dataframe_records": rows_of(facts),
        "instances": {"anyOf": [rows_of(facts), wrapped]},
        "inputs": rows_or_columns(facts),
    }
    requests = {
        f"Invocations{''.join(word.capitalize() for word in name.split('_'))}": with_ids(
            facts, {name: rows, "params": PARAMS_OR_NULL}, ("params",)
        )
        for name, rows in bodies.items()
    }
    return {
        PARAMS: mlflow_params(facts),
        _WRAPPED: object_of({"features": ref(ROW)}),
        **requests,
        SPLIT_FRAME: split_frame(facts),
        _REQUEST: {"anyOf": [ref(name) for name in requests]},
        _LIST: {"anyOf": [rows_of(facts), wrapped]},
        _ANSWER: with_ids(facts, {"predictions": answers_of(facts)}),
    }


def _examples(facts: ModelFacts) -> dict[str, Example]:
    if not facts.samples:
        return {}
    rows, names, csv = facts.samples, facts.names, csv_text.MEDIA_TYPE
    records = [*map(facts.by_name, rows)]
    examples = {
        "dataframe_split": Example(
            "MLflow: a data frame, split", {"dataframe_split": {"columns": names, "data": rows}}
        ),
        "dataframe_records": Example("MLflow: a data frame, as records", {"dataframe_records": records}),
        "instances": Example("MLflow: rows", {"instances": rows}),
        "inputs": Example("MLflow: columns by name", {"inputs": columns_of(facts, rows)}),
        "list": Example("SageMaker: a bare list", rows),
        "wrapped": Example("SageMaker: rows that are wrapped", [{"features": row} for row in rows]),
        "csv_with_names": Example("MLflow: CSV with a header line", csv_of(rows, names), csv),
        "lines": Example("SageMaker: JSON Lines", lines_of(rows), LINES, {"Accept": LINES}),
    }
    if facts.signature and all(feature.dtype == "float64" for feature in facts.signature.features):
        examples["csv"] = Example("SageMaker: CSV without names", csv_of(rows, None), csv, {"Accept": csv})
    if asked := other_method(facts):
        body = {"instances": rows, "params": {"predict_method": asked}}
        examples["method"] = Example(f"MLflow: what {asked} answers", body)
    return examples
