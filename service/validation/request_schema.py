"""The marshmallow schema of native requests, built once for a model; one of its fields reads all rows at once."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from marshmallow import RAISE, Schema, ValidationError, fields, missing

from model.prediction import Rows
from service.errors import InvalidRows, Problem
from service.validation.cells import shown
from service.validation.json_rows import RowReader
from service.validation.requests import escaped, invalid_request, only_member

SINGLE = "features"
MANY = "instances"
OUTPUTS = "outputs"
_EXPECTED = (
    f"an object with either {SINGLE!r} (one row) or {MANY!r} (a list of rows), perhaps {OUTPUTS!r}, and nothing else"
)


class Member(fields.Field[Any]):
    """A member of a request; its messages are Problems, not strings."""

    def deserialize(
        self,
        value: Any,
        attr: str | None = None,
        data: Mapping[str, Any] | None = None,  # noqa: ARG002  # marshmallow's interface
        **kwargs: Any,  # noqa: ARG002  # likewise
    ) -> Any:
        """Return what `read` makes of the value; raises ValidationError with a list of Problems.

        Not `_deserialize`, which marshmallow does not call for null: here, null is refused like any invalid value.
        """
        if value is missing:
            return missing
        try:
            return self.read(value, f"/{attr}")
        except InvalidRows as error:
            raise ValidationError(list(error.problems)) from None

    def read(self, value: Any, pointer: str) -> Any:
        """Return the valid value; raises InvalidRows."""
        raise NotImplementedError

    def json_schema(self, row: Mapping[str, Any], max_rows: int) -> dict[str, Any]:
        """Return the JSON Schema of what `read` takes; `row` is that of one row."""
        raise NotImplementedError


class RowsField(Member):
    """Reads one row, or a list of rows, into shape (n, features)."""

    def __init__(self, reader: RowReader, *, single: bool) -> None:
        super().__init__()
        self._reader = reader
        self._single = single

    def read(self, value: Any, pointer: str) -> Rows:
        """Return the rows; raises InvalidRows."""
        if self._single:
            return self._reader.read([value], pointer, single=True)
        if not isinstance(value, (list, np.ndarray)):
            raise invalid_request(pointer, "a list of rows", shown(value))
        return self._reader.read(value, pointer)

    def json_schema(self, row: Mapping[str, Any], max_rows: int) -> dict[str, Any]:
        """Return a row, or a list of rows."""
        return dict(row) if self._single else {"type": "array", "items": row, "minItems": 1, "maxItems": max_rows}


class OutputsField(Member):
    """Reads which of the model's outputs the caller asks for, each once."""

    def __init__(self, known: Sequence[str]) -> None:
        super().__init__()
        self._known = known

    def read(self, value: Any, pointer: str) -> tuple[str, ...]:
        """Return the names; raises InvalidRows."""
        expected = f"some of {', '.join(self._known)}, each once"
        if not isinstance(value, list) or not 0 < len(value) <= len(self._known):
            raise invalid_request(pointer, f"a list of {expected}", shown(value))
        for place, name in enumerate(value):
            if name not in self._known or name in value[:place]:
                raise invalid_request(f"{pointer}/{place}", expected, shown(name))
        return tuple(value)

    def json_schema(self, row: Mapping[str, Any], max_rows: int) -> dict[str, Any]:  # noqa: ARG002  # outputs have no rows
        """Return a list of names."""
        names = {"type": "string", **({"enum": list(self._known)} if self._known else {})}
        return {"type": "array", "items": names, "minItems": 1, "uniqueItems": True}


class RequestSchema:
    """The native request, `{"features": row}` or `{"instances": [row, …]}`, of a model with outputs of these names."""

    def __init__(self, reader: RowReader, outputs: Sequence[str] = ()) -> None:
        members: dict[str, Any] = {
            SINGLE: RowsField(reader, single=True),
            MANY: RowsField(reader, single=False),
            OUTPUTS: OutputsField(outputs),
        }
        self._schema = Schema.from_dict(members, name="PredictRequest")(unknown=RAISE)
        self._fields: dict[str, Any] = self._schema.fields

    def json_schema(self, rows: str, row: Mapping[str, Any], max_rows: int) -> dict[str, Any]:
        """Return the JSON Schema of a request whose member of rows is SINGLE or MANY; `row` is that of a row."""
        properties = {name: self._fields[name].json_schema(row, max_rows) for name in (rows, OUTPUTS)}
        return {"type": "object", "properties": properties, "required": [rows], "additionalProperties": False}

    def load(self, document: Any) -> tuple[Rows, bool, tuple[str, ...]]:
        """Return the rows, whether one row was asked for as such, and the names of the outputs; raises InvalidRows."""
        member = only_member(document, (SINGLE, MANY))
        if member is None:
            got = f"an object with {_names(document)}" if isinstance(document, dict) else shown(document)
            raise invalid_request("", _EXPECTED, got)
        if len(document) > InvalidRows.MOST:  # more than are reported
            document = dict(islice(document.items(), InvalidRows.MOST)) | {member: document[member]}
        try:
            named: tuple[str, ...] = ()
            if len(document) == 1:  # the whole schema takes longer than a small model's prediction
                rows: Rows = self._fields[member].deserialize(document[member], member)
            else:
                found = self._schema.load(document)
                rows, named = found[member], found.get(OUTPUTS, ())
        except ValidationError as error:
            raise InvalidRows(tuple(islice(_problems(_messages(error, member), document), InvalidRows.MOST))) from None
        return rows, member == SINGLE, named


def _messages(error: ValidationError, member: str) -> dict[str, list[Any]]:
    """Return what is wrong by member; the error of a single field does not name it."""
    return error.messages if isinstance(error.messages, dict) else {member: error.messages}


def _problems(messages: dict[str, list[Any]], document: dict[str, Any]) -> Iterator[Problem]:
    """Flatten marshmallow's messages in the order of the document: Problems, and strings for unknown members."""
    for member in (member for member in document if member in messages):
        for entry in messages[member]:
            unknown = Problem("invalid_request", f"/{escaped(member)}", _EXPECTED, "one more member")
            yield entry if isinstance(entry, Problem) else unknown


def _names(document: dict[str, Any]) -> str:
    return ", ".join(repr(name[:40]) for name in list(document)[:10]) or "no members"
