"""The marshmallow schema of native requests, built once for a model; one of its fields reads all rows at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
from marshmallow import RAISE, Schema, ValidationError, fields, missing

from model.prediction import Rows
from service.errors import InvalidRows, Problem
from service.validation.json_rows import RowReader
from service.validation.requests import escaped, invalid_request, only_member, shown

SINGLE = "features"
MANY = "instances"
OUTPUTS = "outputs"
_EXPECTED = (
    f"an object with either {SINGLE!r} (one row) or {MANY!r} (a list of rows), perhaps {OUTPUTS!r}, and nothing else"
)


class Member(fields.Field[Any]):
    """A member of a request; its messages are Problems, not strings.

    `read` is given the value and the JSON pointer to it. It returns the valid value, or raises InvalidRows.
    """

    def __init__(self, read: Callable[[Any, str], Any]) -> None:
        super().__init__()
        self._read = read

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
            return self._read(value, f"/{attr}")
        except InvalidRows as error:
            raise ValidationError(list(error.problems)) from None


class RequestSchema:
    """The native request, `{"features": row}` or `{"instances": [row, …]}`, of a model with outputs of these names."""

    def __init__(self, reader: RowReader, outputs: Sequence[str] = ()) -> None:
        self._reader, self._outputs = reader, outputs
        self._rows = {SINGLE: self._read_row, MANY: self._read_rows}
        members: dict[str, Any] = {name: Member(read) for name, read in self._rows.items()}
        members[OUTPUTS] = Member(self._read_outputs)
        self._schema = Schema.from_dict(members, name="PredictRequest")(unknown=RAISE)

    def load(self, document: Any) -> tuple[Rows, bool, tuple[str, ...]]:
        """Return the rows, whether one row was asked for as such, and the names of the outputs; raises InvalidRows."""
        member = only_member(document, self._rows)
        if member is None:
            got = f"an object with {_names(document)}" if isinstance(document, dict) else shown(document)
            raise invalid_request("", _EXPECTED, got)
        if len(document) == 1:  # the whole schema takes longer than a small model's prediction
            return self._rows[member](document[member], f"/{member}"), member == SINGLE, ()
        if len(document) > InvalidRows.MOST:  # more than are reported
            document = dict(islice(document.items(), InvalidRows.MOST)) | {member: document[member]}
        try:
            loaded = self._schema.load(document)
        except ValidationError as error:
            raise InvalidRows(tuple(islice(_problems(error.messages_dict, document), InvalidRows.MOST))) from None
        return loaded[member], member == SINGLE, loaded.get(OUTPUTS, ())

    def _read_row(self, row: Any, pointer: str) -> Rows:
        return self._reader.read([row], pointer, single=True)

    def _read_rows(self, rows: Any, pointer: str) -> Rows:
        if not isinstance(rows, (list, np.ndarray)):
            raise invalid_request(pointer, "a list of rows", shown(rows))
        return self._reader.read(rows, pointer)

    def _read_outputs(self, names: Any, pointer: str) -> tuple[str, ...]:
        """Return the names of the outputs that the caller asks for, each once; raises InvalidRows."""
        expected = f"some of {', '.join(self._outputs)}, each once"
        if not isinstance(names, list) or not 0 < len(names) <= len(self._outputs):
            raise invalid_request(pointer, f"a list of {expected}", shown(names))
        for index, name in enumerate(names):
            if name not in self._outputs or name in names[:index]:
                raise invalid_request(f"{pointer}/{index}", expected, shown(name))
        return tuple(names)


def _problems(messages: dict[str, list[Any]], document: dict[str, Any]) -> Iterator[Problem]:
    """Flatten marshmallow's messages in the order of the document: Problems, and strings for unknown members."""
    for member in (member for member in document if member in messages):
        for entry in messages[member]:
            unknown = Problem("invalid_request", f"/{escaped(member)}", _EXPECTED, "one more member")
            yield entry if isinstance(entry, Problem) else unknown


def _names(document: dict[str, Any]) -> str:
    return ", ".join(repr(name[:40]) for name in list(document)[:10]) or "no members"
