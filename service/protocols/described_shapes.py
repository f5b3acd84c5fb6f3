"""Schemas of the shapes of rows, columns and answers that several protocols share (json_shapes).

JSON Schema cannot say that lists have the same length. If a shape requires that, its description says so.
"""

import csv
import io
from collections.abc import Sequence
from typing import Any, Final

from model.signature import Cell
from service.formats import strict_json
from service.protocols.description import (
    ANY_CELL,
    CELL,
    COLUMNS,
    LABEL,
    ROW,
    ROW_ID,
    STRING,
    ModelFacts,
    Schema,
    beside,
    component_of,
    list_of,
    object_of,
    ref,
)

SPLIT_FRAME: Final = "SplitFrame"
# Objects in unions are components, because generators of clients lose objects without a name there.
PARAMS: Final = "MlflowParams"
PARAMS_OR_NULL: Final[Schema] = {"anyOf": [ref(PARAMS), {"type": "null"}]}
CODE_AND_MESSAGE: Final[Schema] = {**STRING, "description": "The code and the message: `code: message`."}
_MOST_NAMED: Final = 200  # features; the names of more are not listed again in this schema


def rows_of(facts: ModelFacts, row: Schema | None = None) -> Schema:
    """Return a list of rows; the rows of a model with one feature may be bare values."""
    one = row or ref(ROW)
    if row is None and facts.signature is None:
        one = {"anyOf": [one, ANY_CELL]}
    elif row is None and len(facts.names) == 1:
        one = {"anyOf": [one, ref(CELL)]}
    return list_of(one, facts.max_rows)


def rows_or_columns(facts: ModelFacts) -> Schema:
    """Return a list of rows, or an object of columns by name."""
    return {"anyOf": [rows_of(facts), ref(COLUMNS)]}


def split_frame(facts: ModelFacts) -> Schema:
    """Return a data frame in pandas' split form."""
    names: Schema = {"type": ["array", "null"], "items": STRING}
    if facts.names:
        names |= {"minItems": len(facts.names), "maxItems": len(facts.names)}
    if 0 < len(facts.names) <= _MOST_NAMED:
        names["prefixItems"] = [{"const": name} for name in facts.names]
    said = "The names of the columns. In another order than the model's, each row is a list in that order."
    members = {
        "columns": {**names, "description": said},
        "index": {"type": ["array", "null"], "items": {}, "description": "Not read. It has one value for each row."},
        "data": rows_of(facts),
    }
    frame = object_of(members, ("columns", "index"))
    return {**frame, "description": "A data frame as `DataFrame.to_dict(orient='split')` of pandas writes it."}


def method(facts: ModelFacts, *others: str) -> Schema:
    """Return the name of a method whose output a request can ask for, or one of `others`."""
    return {**STRING, "enum": [*others, *facts.methods]} if facts.methods else STRING


def mlflow_params(facts: ModelFacts) -> Schema:
    """Return the component PARAMS, for MLflow's `params` if they are not null."""
    return object_of({"predict_method": method(facts)}, ("predict_method",))


def answers_of(facts: ModelFacts) -> Schema:
    """Return a list with the output of a method for each row: labels, unless the request asks for another method."""
    each = [ref(component_of(name)) for name in facts.methods] or [{}]
    return list_of(each[0] if len(each) == 1 else {"anyOf": each})


def with_ids(facts: ModelFacts, members: dict[str, Schema], optional: Sequence[str] = ()) -> Schema:
    """Return an object with these members and, if requests may have row ids, a list of row ids."""
    ids = beside(facts, list_of(ref(ROW_ID), facts.max_rows))
    return object_of(members | ids, (*optional, *ids))


def other_method(facts: ModelFacts) -> str | None:
    """Return a method other than labels that an example can ask for, if there is one."""
    return next((name for name in facts.methods if component_of(name) != LABEL), None)


def columns_of(facts: ModelFacts, rows: Sequence[Sequence[Cell]]) -> dict[str, list[Any]]:
    """Return rows as columns by name."""
    return dict(zip(facts.names, map(list, zip(*rows, strict=True)), strict=True))


def csv_of(rows: Sequence[Sequence[Cell]], names: Sequence[str] | None) -> str:
    """Write rows as CSV, with a header line if there are names; a missing value is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if names is not None:
        writer.writerow(names)
    writer.writerows(rows)
    return text.getvalue()


def lines_of(rows: Sequence[Sequence[Cell]]) -> str:
    """Write rows as JSON Lines."""
    return "".join(f"{strict_json.dumps(row).decode()}\n" for row in rows)


def error_string() -> Schema:
    """Return the error of the protocols that describe it in one string."""
    return object_of({"error": CODE_AND_MESSAGE})
