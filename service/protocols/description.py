"""What a protocol says of its routes, for the OpenAPI document.

A protocol gets ModelFacts and returns a Description. Rows and labels are the same for all protocols: their schemas are
components of the document, and a description refers to them by `ref`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from model.outputs import PREDICT, PREDICT_PROBA, OutputSpec
from model.signature import Cell, Signature
from service.validation.request_schema import RequestSchema

Schema = dict[str, Any]
JSON: Final = "application/json"
STRING: Final[Schema] = {"type": "string"}
ANY_CELL: Final[Schema] = {"type": ["number", "boolean", "string", "null"]}
# The components that every document has. ROW is either of the two forms of a row, or a bare string if the model takes
# text. LABEL and PROBABILITIES are the answer for one row, the latter only if the model has probabilities.
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


def object_of(properties: Mapping[str, Schema], optional: Sequence[str] = ()) -> Schema:
    """Return the schema of an object with these members and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


@dataclass(frozen=True)
class ModelFacts:
    """What a description may say of the model.

    With TERSE_ERRORS callers must not learn what the model takes: `signature`, `served_as` and `version` are None then,
    and `outputs` and `samples` are empty. `samples` are rows that the model is known to answer, their cells in the
    order of its features; examples are made of them. `max_rows` is the most rows in one request, `row_id` the column
    whose values come back, and `request` the schema of native requests.
    """

    max_rows: int
    request: RequestSchema
    signature: Signature | None = None
    served_as: str | None = None
    version: str | None = None
    outputs: tuple[OutputSpec, ...] = ()
    samples: tuple[list[Cell], ...] = ()
    row_id: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names in order; empty if callers must not learn them."""
        return () if self.signature is None else self.signature.names

    @property
    def has_probabilities(self) -> bool:
        """Whether an answer may have probabilities."""
        return self.signature is None or self.signature.probabilities

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods whose outputs a request can ask for."""
        return tuple(dict.fromkeys(spec.method for spec in self.outputs))

    def by_name(self, row: list[Cell]) -> dict[str, Cell]:
        """Return a sample as an object."""
        return dict(zip(self.names, row, strict=True))


@dataclass(frozen=True)
class Example:
    """A request that works. Its answer is not stored here: the protocol encodes it when the document is made.

    `body` is a JSON value, or the text of another media type. Its rows are all samples in order, or the first if
    `single`. `headers` are sent beside Content-Type, such as Accept.
    """

    summary: str
    body: Any
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    single: bool = False


@dataclass(frozen=True)
class Operation:
    """One route: `id` is its operationId, and `requests` and `answers` are schemas by media type.

    If a path has the model's version, the document appends `_of_version` to the id. `parameters` are OpenAPI's, beside
    those of the path, such as headers that only this protocol takes. `examples` are by name.
    """

    id: str
    summary: str
    answers: Mapping[str, Schema]
    requests: Mapping[str, Schema] = field(default_factory=dict)
    description: str = ""
    parameters: Sequence[Schema] = ()
    examples: Mapping[str, Example] = field(default_factory=dict)


@dataclass(frozen=True)
class Description:
    """A protocol: its tag, one operation for all its prediction routes, one for each page, and its own components."""

    tag: str
    text: str
    predict: Operation
    pages: Mapping[str, Operation] = field(default_factory=dict)
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    error: Schema = field(default_factory=lambda: ref(PROBLEM))


def beside(facts: ModelFacts, schema: Schema) -> dict[str, Schema]:
    """Return the member that holds row ids, if requests may have row ids."""
    return {} if facts.row_id is None else {facts.row_id: schema}


Describe = Callable[[ModelFacts], Description]
