"""JSON Schemas, and the components that every OpenAPI document has; descriptions of routes are made of both."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from model.outputs import PREDICT, PREDICT_PROBA

Schema = dict[str, Any]
STRING: Final[Schema] = {"type": "string"}
ANY_CELL: Final[Schema] = {"type": ["number", "boolean", "string", "null"]}
# Components. ROW is either of the two forms of a row, or a bare string if the model takes text. LABEL and PROBABILITIES
# are the answer for one row, the latter only if the model has probabilities.
ROW: Final = "Row"
ROW_BY_POSITION: Final = "RowByPosition"
ROW_BY_NAME: Final = "RowByName"
COLUMNS: Final = "Columns"  # rows as an object of columns
CELL: Final = "Cell"  # a value of the only feature, if there is only one
LABEL: Final = "Label"
PROBABILITIES: Final = "Probabilities"
PROBABILITY: Final = "Probability"  # of the predicted class
ROW_ID: Final = "RowId"
PROBLEM: Final = "Problem"  # a native error


def ref(component: str) -> Schema:
    """Return a schema that is a component of the document."""
    return {"$ref": f"#/components/schemas/{component}"}


def component_of(method: str) -> str:
    """Return the name of the component that describes the output of a method for one row."""
    known = {PREDICT: LABEL, PREDICT_PROBA: PROBABILITIES}
    return known.get(method) or "".join(part.capitalize() for part in method.split("_"))


def list_of(items: Schema, most: int | None = None) -> Schema:
    """Return the schema of a list that is not empty."""
    return {"type": "array", "items": items, "minItems": 1, **({} if most is None else {"maxItems": most})}


def array_of(items: Schema, size: int) -> Schema:
    """Return the schema of a list with so many items."""
    return {"type": "array", "items": items, "minItems": size, "maxItems": size}


def object_of(properties: Mapping[str, Schema], optional: Sequence[str] = ()) -> Schema:
    """Return the schema of an object with these members and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def header_of(name: str, description: str, schema: Schema = STRING) -> Schema:
    """Return the description of a header of a request."""
    return {"name": name, "in": "header", "description": description, "schema": schema}


def constant(value: str | None, *, nullable: bool = False) -> Schema:
    """Return the schema of a string that has only this value; None if callers must not learn it."""
    if value is None:
        return {"type": ["string", "null"]} if nullable else STRING
    return {"enum": [value, None]} if nullable else {"const": value}
