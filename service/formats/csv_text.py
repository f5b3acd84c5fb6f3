"""Reads CSV (RFC 4180), with or without a header line, by the types of the features; writes answers as CSV."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from model.prediction import Rows
from model.signature import Feature
from service.errors import InvalidBody, InvalidRows, Problem, ServiceError
from service.formats import strict_json
from service.validation.columns import Column, TableReader, by_row
from service.validation.requests import invalid_request, shown

MEDIA_TYPE: Final = "text/csv"
# Parameters of the content type, and their values; SageMaker sends label_size=0 with rows that have no labels.
_PARAMETERS: Final = {"charset": ("utf-8", "utf8"), "header": ("present", "absent"), "label_size": ("0",)}
_SIGNED_NAN: Final = re.compile("[+-][nN]")
_NUMBERS: Final = "iuf"
_NO_LETTERS: Final = re.compile(r"[\d\s.,+eE-]*")
_SEPARATOR: Final = re.compile("sep=.")
_NOT_WORDS: Final = re.compile(r"[\W_]+")
_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}


def read(body: bytes, parameters: dict[str, str], tables: TableReader) -> tuple[Rows, bool]:
    """Return the rows, and whether there was a header line; raises InvalidBody, InvalidRows and ServiceError.

    There is a header line if the content type says `header=present` (RFC 7111), or says nothing and the first line
    names a feature. An empty cell is a missing value, and so is NaN in a column of numbers.
    """
    for name, value in parameters.items():
        if value not in _PARAMETERS.get(name, ()):
            message = f"Expected {MEDIA_TYPE} with header=present or header=absent, got {name}={value[:40]!r}."
            raise ServiceError("unsupported_media_type", message)
    header = parameters.get("header", "")
    names = list(tables.names)
    if (numbers := _read_numbers(body, header, names, tables)) is not None:
        return numbers
    lines = cells_of(body, tables.max_rows + 1)
    refuse_separator_line(lines, names)
    headed = bool(lines) and is_head(lines[0], header, names)
    if not (header or headed) and len(lines) > 1:
        _check_row(lines[0], tables.features)
    return read_cells(lines[0] if headed else names, lines[1:] if headed else lines, tables), headed


def read_cells(head: Sequence[str], rows: Sequence[Sequence[str]], tables: TableReader) -> Rows:
    """Return rows of the model from lines that are split into cells; `head` names the columns. Raises InvalidRows."""
    if len(set(head)) < len(head):
        raise InvalidRows((Problem("duplicate_name", "/0", "each name once", "one twice"),))
    for position, row in enumerate(rows):
        if len(row) != len(head):
            code = "wrong_feature_count"
            other = next((sign for sign in ";\t|" if row and sign in row[0]), None)
            got = f"{len(row)}" + (f", which holds {other!r}" if other else "")
            raise InvalidRows((Problem(code, f"/{position}", f"{len(head)} values between commas", got),))
    tables.check_names(head)
    strings: Iterable[Sequence[str]] = zip(*rows, strict=True) if rows else ((),) * len(head)
    columns, invalid = dict(zip(head, strings, strict=True)), list[str]()
    features = {each.name: each for each in tables.features}
    cells = {
        name: _column(features[name], columns[name], invalid) if name in features else columns[name]
        for name in tables.wanted(head)
    }
    return tables.read(cells, by_row)


def is_head(cells: Sequence[str], header: str, names: list[str]) -> bool:
    """Return whether a first line is a header line: it names a feature, or most cells are misspelt names of features.

    A name in another case, or with other punctuation, is then refused as a name, and never read as a value.
    """
    if header:
        return header == "present"
    if _NO_LETTERS.fullmatch("".join(cells)):  # the common case; names like "1" are compared exactly
        return not set(names).isdisjoint(cells)
    known = {_spelt(name) for name in names} - {""}
    return not set(names).isdisjoint(cells) or 2 * sum(_spelt(cell) in known for cell in cells) > len(cells)


def refuse_separator_line(lines: Sequence[Sequence[str]], names: list[str]) -> None:
    """Raise InvalidRows for Excel's first line `sep=,`, which is neither names nor a row."""
    if lines and _SEPARATOR.fullmatch(",".join(lines[0])) and (len(names) > 1 or [*lines[1:2]] == [names]):
        raise invalid_request("/0", "names or a row: leave out the line by which Excel names the separator", "sep=")


def _check_row(cells: Sequence[str], features: Sequence[Feature]) -> None:
    """Raise InvalidRows for a first line that may be a row or a header line.

    If the model accepts any string in every column, a line of single words may be a row, or names that the model does
    not know: a text vectoriser never saw the name of its column.
    """
    strings = all(feature.dtype in ("string", "any") and feature.categories is None for feature in features)
    if strings and len(cells) == len(features) and all(cell.strip().isidentifier() for cell in cells):
        expected = "header=present or header=absent in the Content-Type, as this line may be a row or names"
        raise invalid_request("/0", expected, shown(",".join(cells)))


def _spelt(name: str) -> str:
    """Return a name without case, spaces and punctuation."""
    return _NOT_WORDS.sub("", name.casefold())


def write(columns: dict[str, NDArray[Any]], *, head: bool) -> bytes:
    """Return columns as lines that end in CRLF (RFC 4180); reading them back gives the same numbers."""
    first = lines([columns]) if head else b""
    rows = list(zip(*map(_shown, columns.values()), strict=True))
    if all(values.dtype.kind in _NUMBERS for values in columns.values()):  # JSON writes them alike, and faster
        return first + strict_json.dumps(rows)[2:-2].replace(b"],[", b"\r\n") + b"\r\n"
    return first + lines(rows)


def lines(rows: Iterable[Iterable[Any]]) -> bytes:
    """Return rows of cells as lines that end in CRLF."""
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def line_of_each(columns: dict[str, NDArray[Any]]) -> list[bytes]:
    """Return each row that `write` writes, without the end of its line."""
    written = write(columns, head=False)
    if b'"' not in written:
        return written.removesuffix(b"\r\n").split(b"\r\n")
    return [lines([row]).removesuffix(b"\r\n") for row in zip(*map(_shown, columns.values()), strict=True)]


def _read_numbers(body: bytes, header: str, names: list[str], tables: TableReader) -> tuple[Rows, bool] | None:
    """Return what `read` returns if every cell is a plain number, else None."""
    first, _, rest = body.partition(b"\n")
    if first.count(b",") != len(names) - 1:
        return None
    cells = first.decode(errors="replace").rstrip("\r").split(",")
    headed = is_head(cells, header, names)
    if headed and cells != names:
        return None
    rows = tables.read_lines(rest if headed else body)
    return None if rows is None else (rows, headed)


def _shown(values: NDArray[Any]) -> list[Any]:
    cells: list[Any] = values.tolist()
    return [str(cell).lower() for cell in cells] if values.dtype.kind == "b" else cells


def cells_of(body: bytes, most: int) -> list[list[str]]:
    """Return the cells of each line; raises InvalidBody, and InvalidRows for more than `most` lines, the rest unread.

    A blank line is an empty cell if lines have one cell, and is skipped if they have more.
    """
    try:
        text = io.StringIO(body.decode().removeprefix("\ufeff"), newline="")
        lines = list(islice(csv.reader(text, strict=True), most + 1))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidBody(f"Expected CSV in UTF-8; {error}.") from None
    if len(lines) > most:
        raise InvalidRows((Problem("too_many_rows", "", f"at most {most} lines", "more"),))
    full = [line for line in lines if line]
    return [line or [""] for line in lines] if full and len(full[0]) == 1 else full


def _column(feature: Feature, strings: Sequence[str], invalid: list[str]) -> Column:
    """Return a column's cells as JSON has them; an invalid one stays a string, which the table reader reports."""
    if feature.dtype == "float64":
        numbers = _numbers(strings)
        return numbers if numbers is not None else _mixed(strings, invalid)
    if feature.dtype == "bool":
        return [_TRUTHS.get(each.strip().lower(), each or None) for each in strings]
    return [None if each == "" and feature.nullable else each for each in strings]


def _mixed(strings: Sequence[str], invalid: list[str]) -> list[Any]:
    """Return a column's cells: numbers, None for a missing one, and strings that are neither, also added to `invalid`.

    These strings are found by bisection. Once there are as many as are reported, the other cells stay strings.
    """
    if len(invalid) >= InvalidRows.MOST:
        return list(strings)
    numbers = _numbers(strings)
    if numbers is not None:
        return [None if number != number else number for number in numbers.tolist()]  # noqa: PLR0124
    if len(strings) == 1:
        invalid.extend(strings)
        return list(strings)
    half = len(strings) // 2
    return _mixed(strings[:half], invalid) + _mixed(strings[half:], invalid)


def _numbers(strings: Sequence[str]) -> NDArray[np.float64] | None:
    """Return the cells of a column of numbers, NaNs and empty strings, else None; no Python code runs for each cell."""
    together = "".join(strings)
    if not together.isascii() or "_" in together:  # Python reads 1_000 and more
        return None
    if ("n" in together or "N" in together) and _SIGNED_NAN.search(together):
        return None
    numbers = _floats(strings)
    if numbers is None and (" " in together or not together.isprintable()):
        numbers = _floats([each.strip() for each in strings])
    return None if numbers is None or np.isinf(numbers).any() else numbers


def _floats(strings: Sequence[str]) -> NDArray[np.float64] | None:
    present = list(filter(None, strings))
    try:
        numbers = np.array(list(map(float, present)), dtype=np.float64)
    except ValueError:
        return None
    if len(present) == len(strings):
        return numbers
    column = np.full(len(strings), np.nan)
    column[np.fromiter(map(bool, strings), np.bool_, len(strings))] = numbers
    return column
