"""What a protocol says of its routes, for the OpenAPI document: it gets ModelFacts, and returns a Description.

Rows and labels are the same for all protocols. Their schemas are components of the document, to which a description
refers. JSON Schema cannot say that lists have the same length. If a shape requires that, its description says so.
"""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from model.outputs import OutputSpec
from model.signature import Cell, Signature
from service.protocols.schemas import (
    ANY_CELL,
    CELL,
    COLUMNS,
    LABEL,
    PROBLEM,
    ROW,
    ROW_ID,
    STRING,
    Schema,
    component_of,
    list_of,
    object_of,
    ref,
)

JSON: Final = "application/json"
SPLIT_FRAME: Final = "SplitFrame"
# Objects in unions are components, because generators of clients lose objects without a name there.
PARAMS: Final = "MlflowParams"
PARAMS_OR_NULL: Final[Schema] = {"anyOf": [ref(PARAMS), {"type": "null"}]}
CODE_AND_MESSAGE: Final[Schema] = {**STRING, "description": "The code and the message: `code: message`."}
ERROR_STRING: Final = object_of({"error": CODE_AND_MESSAGE})  # of the protocols that describe an error in one string
_MOST_NAMED: Final = 200  # features; the names of more are not listed again in the schema of a data frame


@dataclass(frozen=True)
class ModelFacts:
    """What a description may say of the model, and the schemas of what several protocols read and write.

    With TERSE_ERRORS callers must not learn what the model takes: `signature`, `served_as` and `version` are None then,
    and `outputs` and `samples` are empty. `samples` are rows that the model is known to answer, their cells in the
    order of its features; examples are made of them. `max_rows` is the most rows in one request, and `row_id` the
    column whose values come back.
    """

    max_rows: int
    row_id: str | None
    signature: Signature | None = None
    served_as: str | None = None
    version: str | None = None
    outputs: tuple[OutputSpec, ...] = ()
    samples: tuple[list[Cell], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The features' names in order; empty if callers must not learn them."""
        return () if self.signature is None else self.signature.names

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods whose outputs a request can ask for."""
        return tuple(dict.fromkeys(spec.method for spec in self.outputs))

    @property
    def other_method(self) -> str | None:
        """A method other than labels that an example can ask for, if there is one."""
        return next((name for name in self.methods if component_of(name) != LABEL), None)

    @property
    def objects(self) -> list[dict[str, Cell]]:
        """The samples as objects."""
        return [dict(zip(self.names, row, strict=True)) for row in self.samples]

    @property
    def columns(self) -> dict[str, list[Cell]]:
        """The samples, of which there is at least one, as columns by name."""
        return dict(zip(self.names, map(list, zip(*self.samples, strict=True)), strict=True))

    def csv(self, *, head: bool) -> str:
        """Write the samples as CSV, perhaps with a header line; a missing value is an empty cell."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([*([self.names] if head else []), *self.samples])
        return text.getvalue()

    def rows(self, row: Schema | None = None) -> Schema:
        """Return the schema of a list of rows; the rows of a model with one feature may be bare values."""
        one = row or ref(ROW)
        if row is None and self.signature is None:
            one = {"anyOf": [one, ANY_CELL]}
        elif row is None and len(self.names) == 1:
            one = {"anyOf": [one, ref(CELL)]}
        return list_of(one, self.max_rows)

    def rows_or_columns(self) -> Schema:
        """Return the schema of a list of rows, or of an object of columns by name."""
        return {"anyOf": [self.rows(), ref(COLUMNS)]}

    def split_frame(self) -> Schema:
        """Return the schema of a data frame in pandas' split form."""
        names: Schema = {"type": ["array", "null"], "items": STRING}
        if self.names:
            names |= {"minItems": len(self.names), "maxItems": len(self.names)}
        if 0 < len(self.names) <= _MOST_NAMED:
            names["prefixItems"] = [{"const": name} for name in self.names]
        said = "The names of the columns. In another order than the model's, each row is a list in that order."
        index = {"type": ["array", "null"], "items": {}, "description": "Not read. It has one value for each row."}
        members = {"columns": {**names, "description": said}, "index": index, "data": self.rows()}
        frame = object_of(members, ("columns", "index"))
        return {**frame, "description": "A data frame as `DataFrame.to_dict(orient='split')` of pandas writes it."}

    def method(self, *others: str) -> Schema:
        """Return the schema of the name of a method whose output a request can ask for, or of one of `others`."""
        return {**STRING, "enum": [*others, *self.methods]} if self.methods else STRING

    def mlflow_params(self) -> Schema:
        """Return the component PARAMS, for MLflow's `params` if they are not null."""
        return object_of({"predict_method": self.method()}, ("predict_method",))

    def answers(self) -> Schema:
        """Return the schema of a list with the output of a method, usually the label, for each row."""
        each = [ref(component_of(name)) for name in self.methods] or [{}]
        return list_of(each[0] if len(each) == 1 else {"anyOf": each})

    def with_ids(self, members: dict[str, Schema], optional: Sequence[str] = (), *, single: bool = False) -> Schema:
        """Return the schema of an object, which has a row id, or a list of them, beside its members if requests may."""
        ids = ref(ROW_ID) if single else list_of(ref(ROW_ID), self.max_rows)
        beside = {} if self.row_id is None else {self.row_id: ids}
        return object_of(members | beside, (*optional, *beside))


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


Describe = Callable[[ModelFacts], Description]
