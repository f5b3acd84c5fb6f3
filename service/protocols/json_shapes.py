"""The shapes of rows, columns and answers that several JSON protocols share."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np

from model.prediction import Prediction, Rows
from service.formats import duplicate_names
from service.protocols.base import Contract
from service.validation.columns import Column
from service.validation.requests import check_members, invalid_request, shown

SPLIT: Final = ("columns", "index", "data")


def read_instances(rows: Any, contract: Contract, pointer: str) -> Rows:
    """Return rows from a list of lists, objects or, where the model has one feature, bare values."""
    if not isinstance(rows, list):
        raise invalid_request(pointer, "a list of rows", shown(rows))
    if contract.beside is not None and len(rows) <= contract.tables.max_rows:
        rows = contract.beside.rows(rows)
    if len(contract.signature.names) == 1 and len(rows) <= contract.tables.max_rows:
        rows = [row if isinstance(row, (list, dict)) else [row] for row in rows]
    return contract.rows.read(rows, pointer)


def read_columns(columns: Any, contract: Contract, pointer: str) -> Rows:
    """Return rows from an object of columns by name, each a list of values or of one-element lists, or from rows."""
    if isinstance(columns, list):
        return read_instances(columns, contract, pointer)
    if not isinstance(columns, dict):
        raise invalid_request(pointer, "an object of columns by name, or a list of rows", shown(columns))
    if len(columns) > len(contract.signature.names):
        contract.tables.check_names(columns)
    lists: dict[str, Column] = {}
    for name, column in columns.items():
        if not isinstance(column, list):
            raise invalid_request(f"{pointer}/{name[:100]}", "a list of values", shown(column))
        lists[name] = list(chain.from_iterable(column)) if _nested(column) else column
    return contract.tables.read(lists, lambda name, row: f"{pointer}/{name[:100]}/{row}")


def is_split(value: dict[str, Any], names: Sequence[str]) -> bool:
    """Return whether an object is a split data frame, and not columns of features with the names of its members."""
    rows = value.get("data")
    if "data" not in names:
        return "data" in value
    several = isinstance(rows, list) and len(rows) > 0 and isinstance(rows[0], list) and len(rows[0]) > 1
    return "data" in value and value.keys() <= set(SPLIT) and (several or value.keys() != set(names))


def read_split(split: Any, contract: Contract, pointer: str) -> Rows:
    """Return rows from a data frame in pandas' split form: `columns`, `data`, and an `index` that is ignored."""
    data = split.get("data") if isinstance(split, dict) else None
    if not isinstance(data, list):
        raise invalid_request(pointer, "an object with 'columns', 'data' and perhaps 'index'", shown(split))
    check_members(split, SPLIT, pointer)
    names, index = split.get("columns"), split.get("index")
    if index is not None and (not isinstance(index, list) or len(index) != len(data)):
        raise invalid_request(f"{pointer}/index", f"a list of {len(data)} values, one for each row", shown(index))
    if names is None or names == list(contract.signature.names):
        return read_instances(data, contract, f"{pointer}/data")
    if not isinstance(names, list) or not set(map(type, names)) <= {str} or len(set(names)) < len(names):
        raise invalid_request(f"{pointer}/columns", "a list of names, each once", shown(names))
    if len(data) > contract.tables.max_rows:
        contract.tables.check_row_count(len(data))
    for number, row in enumerate(data):
        if not isinstance(row, list) or len(row) != len(names):
            raise invalid_request(f"{pointer}/data/{number}", f"a list of {len(names)} values", shown(row))
    positions = {name: position for position, name in enumerate(names)}
    columns: dict[str, Column] = (
        dict(zip(names, zip(*data, strict=True), strict=True)) if data else dict.fromkeys(names, ())
    )
    return contract.tables.read(columns, lambda name, row: f"{pointer}/data/{row}/{positions[name]}")


def read_document(body: bytes, contract: Contract) -> Any:
    """Return a JSON document without its row ids, if it has any beside its rows; raises InvalidJson and InvalidRows."""
    document = duplicate_names.read(body, contract.documents.read)
    return document if contract.beside is None else contract.beside.take_member(document)


def row_ids(prediction: Prediction, contract: Contract) -> dict[str, Any]:
    """Return the ids of the rows under the name that the request has for them, as one more member of the answer."""
    return {spec.member: values_by_row(spec.values(prediction)) for spec in contract.row_id_output}


def object_at(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a member that is an object, an empty one if it is absent or null; raises InvalidRows."""
    value = document.get(name)
    if not isinstance(value, dict | None):
        raise invalid_request(f"/{name}", "an object", shown(value))
    return value or {}


def asked_method(document: Mapping[str, Any], contract: Contract) -> str:
    """Return the `predict_method` of MLflow's `params`; without one, the model's own `predict_fn`."""
    if "params" not in document:
        return contract.predict_fn
    parameters = object_at(document, "params")
    check_members(parameters, ("predict_method",), "/params")
    return known_method(parameters.get("predict_method", contract.predict_fn), contract, "/params/predict_method")


def known_method(method: Any, contract: Contract, pointer: str) -> str:
    """Return the name of a method that the model has; raises InvalidRows for any other value."""
    if method not in contract.methods:
        raise invalid_request(pointer, f"one of {', '.join(contract.methods)}", shown(method))
    return str(method)


def _nested(column: list[Any]) -> bool:
    """Return whether each value of a column is in a list of its own."""
    if not column or type(column[0]) is not list:
        return False
    return set(map(type, column)) == {list} and set(map(len, column)) == {1}


def values_by_row(values: Any, max_rows: int | None = None) -> Any:
    """Return the values of the first rows in a form that strict_json writes; those of several arrays row by row."""
    if isinstance(values, tuple):
        return list(zip(*(each[:max_rows].tolist() for each in values), strict=True))
    values = values[:max_rows]
    return values if values.dtype == np.float64 and values.flags.c_contiguous else values.tolist()
