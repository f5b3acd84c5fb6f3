"""JSON Schemas of a model's cells, rows and labels.

Limits keep the document small, whatever the model is like.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from model.signature import Feature, Label, Signature
from service.protocols import schemas
from service.protocols.schemas import Schema, array_of, list_of, ref
from service.validation.cells import CellReader
from service.validation.column_policy import LONGEST_ID, MOST_EXTRA, ColumnPolicy

# A model may have more categories, and longer names, than people read or tools can open.
MOST_CATEGORIES: Final = 200  # listed for one feature; if it has more, its description names the first few
MOST_ENUMERATED: Final = 2**17  # characters of the categories of all features
MOST_FEATURES: Final = 10_000  # described one by one; a model with more has one schema for all cells
MOST_COLUMNS: Final = 1000  # the same where rows are sent as columns
MOST_CHARACTERS: Final = 2**19  # of the names of all features
_LISTED: Final = 20
_LONGEST: Final = 60
_LONGEST_NOTE: Final = 600
_JSON_TYPES: Final = {int: "number", float: "number", bool: "boolean", str: "string", type(None): "null"}
_ORDER: Final = ("number", "boolean", "string", "null")
# The strings that `model.columns.parse_datetime` accepts; JSON Schema's own formats require seconds and an offset.
_YEAR: Final = "(000[1-9]|00[1-9][0-9]|0[1-9][0-9]{2}|[1-9][0-9]{3})"
_DAY: Final = "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
_LEAP_DAY: Final = "(0[1-9]|[1-9][0-9])(0[48]|[2468][048]|[13579][26])-02-29"
_TIME: Final = "[T ]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.]([0-9]{3}|[0-9]{6}))?)?"
_OFFSET: Final = "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
DATETIME: Final = f"^({_YEAR}-(0[1-9]|1[0-2])|({_YEAR}-{_DAY}|{_LEAP_DAY})({_TIME}{_OFFSET}?)?)$"
ROW_ID: Final[Schema] = {**schemas.ANY_CELL, "maxLength": LONGEST_ID}


def cell_schema(feature: Feature, *, lists_categories: bool = True) -> Schema:
    """Return the schema of one feature's cells; it lists the categories if the feature accepts nothing else."""
    reader = CellReader(feature)
    schema: Schema = {"type": _one_or_list(_types(reader))}
    if feature.dtype == "datetime":
        schema["pattern"] = DATETIME
    if feature.categories is not None and lists_categories:
        schema["enum"] = [*feature.categories, *([None] if feature.nullable else ())]
    elif feature.categories is not None:
        schema["description"] = f"Expected {reader.expected[:_LONGEST_NOTE]}. GET /model lists them all."
    return schema


def enum_of(labels: Iterable[Label]) -> Schema:
    """Return a schema that allows only these labels, or any of their types if there are too many to list."""
    values = list(labels)
    integers = all(type(value) is int for value in values)
    schema: Schema = {"type": "integer" if integers else _one_or_list({_JSON_TYPES[type(value)] for value in values})}
    if _size(values) <= MOST_ENUMERATED:
        schema["enum"] = values
    return schema


class RowSchemas:
    """The schemas of a model's rows. `notes` describes some features by name; the server checks nothing of it."""

    def __init__(self, signature: Signature, policy: ColumnPolicy | None, notes: Mapping[str, str]) -> None:
        self._signature, self._notes = signature, notes
        self._optional = policy.defaults if policy else {}
        self._row_id = policy.row_id if policy else None
        self._extra = policy is not None and policy.ignore_extra
        features = signature.features
        names_size = sum(map(len, signature.names))
        self._described = len(features) <= MOST_FEATURES and names_size <= MOST_CHARACTERS
        alike = {(each.dtype, each.nullable): each for each in features}
        kinds = {kind for each in alike.values() for kind in _types(CellReader(each))}
        self._any_cell: Schema = {"type": _one_or_list(kinds)}
        self._cells: list[Schema] = []
        left: float = MOST_ENUMERATED
        for feature in features if self._described else ():
            size = _size(feature.categories or ())
            self._cells.append(cell_schema(feature, lists_categories=size <= left))
            left -= size if size <= left else 0

    def components(self) -> dict[str, Schema]:
        """Return the components of the document that describe rows, and, if there is only one feature, its cells."""
        text = [schemas.STRING] if self._signature.layout == "text" else []
        cell = self._cells[0] if self._cells else self._any_cell
        return {
            schemas.ROW: {"anyOf": [ref(schemas.ROW_BY_POSITION), ref(schemas.ROW_BY_NAME), *text]},
            schemas.ROW_BY_POSITION: self._by_position(),
            schemas.ROW_BY_NAME: self._by_name(),
            schemas.COLUMNS: self._columns(),
            **({schemas.CELL: cell} if len(self._signature.names) == 1 else {}),
        }

    def _by_position(self) -> Schema:
        names, cells = self._signature.names, self._cells
        listed = ", ".join(name[:_LONGEST] for name in names[:_LISTED])
        more = f" and {len(names) - _LISTED} more, in the order of GET /model" if len(names) > _LISTED else ""
        schema: Schema = {"type": "array", "minItems": len(names), "maxItems": len(names)}
        schema["description"] = f"A row as a list: {listed}{more}."
        if not cells or all(cell == cells[0] for cell in cells):
            return {**schema, "items": cells[0] if cells else self._any_cell}
        return {**schema, "prefixItems": cells, "items": self._any_cell}

    def _columns(self) -> Schema:
        names, extra = self._signature.names, self._extra
        text = "A list of values for each feature, perhaps each in a list of its own; all lists have the same length."
        schema: Schema = {"type": "object", "description": text}
        if not self._described or len(names) > MOST_COLUMNS:
            return {**schema, "additionalProperties": True if extra else _column(self._any_cell)}
        properties = dict(zip(names, map(_column, self._cells), strict=True))
        if self._row_id is not None:
            properties[self._row_id] = _column(ROW_ID)
        required = [name for name in names if name not in self._optional]
        return {**schema, "properties": properties, "required": required, "additionalProperties": extra}

    def _by_name(self) -> Schema:
        features, optional, extra = self._signature.features, self._optional, self._extra
        schema: Schema = {"type": "object", "description": "A row as an object, in any order."}
        if not self._described:
            fewest = len(features) - len(optional)
            return {**schema, "minProperties": fewest, "additionalProperties": extra or self._any_cell}
        properties: dict[str, Schema] = {}
        for feature, cell in zip(features, self._cells, strict=True):
            text = " ".join(filter(None, (cell.get("description"), self._notes.get(feature.name))))
            note = {"description": text} if text else {}
            properties[feature.name] = {**cell, **note}
            if feature.name in optional:
                properties[feature.name]["default"] = optional[feature.name]
        if self._row_id is not None:
            properties[self._row_id] = ROW_ID
        schema["properties"] = properties
        schema["required"] = [feature.name for feature in features if feature.name not in optional]
        if extra:
            schema["maxProperties"] = len(properties) + MOST_EXTRA
        return {**schema, "additionalProperties": extra}


def _column(cell: Schema) -> Schema:
    return {"anyOf": [list_of(cell), list_of(array_of(cell, 1))]}


def _types(reader: CellReader) -> set[str]:
    return {_JSON_TYPES[kind] for kind in reader.types}


def _one_or_list(types: Iterable[str]) -> str | list[str]:
    ordered = sorted(types, key=_ORDER.index)
    return ordered[0] if len(ordered) == 1 else ordered


def _size(values: Sequence[Label]) -> float:
    """Return roughly how many characters a list of these values takes; infinity if there are too many of them."""
    if len(values) > MOST_CATEGORIES:
        return math.inf
    return sum(len(value) if isinstance(value, str) else 8 for value in values)
