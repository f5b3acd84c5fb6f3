"""CSV (RFC 4180): with or without a line of names, cells by what each feature is; and answers."""

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

KIND: Final = "text/csv"
_SIGNED_NAN: Final = re.compile("[+-][nN]")
_NUMBERS: Final = "iuf"
_TRUTHS: Final = {"true": True, "false": False, "1": True, "0": False}


def read(body: bytes, parameters: dict[str, str], tables: TableReader) -> tuple[Rows, bool]:
    """Return the rows, and whether a line of names stood above them; raises InvalidBody and InvalidRows.

    There is one if the content type says `header=present` (RFC 7111), or says nothing and the first line names a
    feature. An empty cell, and in numbers NaN, is a missing value.
    """
    said = parameters.get("header", "")
    if said not in ("", "present", "absent"):
        message = f"Expected header=present or header=absent, got {said[:40]!r}."
        raise ServiceError("unsupported_media_type", message)
    names = list(tables.names)
    if (found := _read_numbers(body, said, names, tables)) is not None:
        return found
    lines = _lines(body, tables.max_rows + 1)
    headed = bool(lines) and _is_head(lines[0], said, names)
    head = lines[0] if headed else names
    if len(set(head)) < len(head):
        raise InvalidRows((Problem("duplicate_name", "/0", "each name once", "one twice"),))
    rows = lines[1:] if headed else lines
    for place, row in enumerate(rows):
        if len(row) != len(head):
            code = "wrong_feature_count"
            other = next((sign for sign in ";\t|" if row and sign in row[0]), None)
            got = f"{len(row)}" + (f", which holds {other!r}" if other else "")
            raise InvalidRows((Problem(code, f"/{place}", f"{len(head)} values between commas", got),))
    tables.check_names(head)
    texts: Iterable[Sequence[str]] = zip(*rows, strict=True) if rows else ((),) * len(head)
    columns, wrong = dict(zip(head, texts, strict=True)), list[str]()
    cells = {each.name: _column(each, columns[each.name], wrong) for each in tables.features}
    return tables.read(cells, by_row), headed


def write(columns: dict[str, NDArray[Any]], *, head: bool) -> bytes:
    """Return columns as lines that end as RFC 4180 has it; numbers so that they are read back the same."""
    out = _Lines()
    writer = csv.writer(out)
    if head:
        writer.writerow(columns)
    rows = list(zip(*map(_shown, columns.values()), strict=True))
    if all(values.dtype.kind in _NUMBERS for values in columns.values()):  # JSON writes them so too, and sooner
        return "".join(out).encode() + strict_json.dumps(rows)[2:-2].replace(b"],[", b"\r\n") + b"\r\n"
    writer.writerows(rows)
    return "".join(out).encode()


def _is_head(cells: Sequence[str], said: str, names: list[str]) -> bool:
    return said == "present" or (not said and not set(names).isdisjoint(cells))


def _read_numbers(body: bytes, said: str, names: list[str], tables: TableReader) -> tuple[Rows, bool] | None:
    """Return the same as `read` where every cell is a plain number, else None."""
    first, _, rest = body.partition(b"\n")
    if first.count(b",") != len(names) - 1:
        return None
    cells = first.decode(errors="replace").rstrip("\r").split(",")
    headed = _is_head(cells, said, names)
    if headed and cells != names:
        return None
    rows = tables.read_lines(rest if headed else body)
    return None if rows is None else (rows, headed)


class _Lines(list[str]):
    """Where the writer writes to."""

    write = list.append


def _shown(values: NDArray[Any]) -> list[Any]:
    cells: list[Any] = values.tolist()
    return [str(cell).lower() for cell in cells] if values.dtype.kind == "b" else cells


def _lines(body: bytes, most: int) -> list[list[str]]:
    """Return the lines that are not blank; raises InvalidRows for more than `most`, without having read them all."""
    try:
        text = io.StringIO(body.decode().removeprefix("\ufeff"), newline="")
        lines = list(islice(csv.reader(text, strict=True), most + 1))
    except (UnicodeDecodeError, csv.Error) as error:
        raise InvalidBody(f"Expected CSV in UTF-8; {error}.") from None
    if len(lines) > most:
        raise InvalidRows((Problem("too_many_rows", "", f"at most {most} lines", "more"),))
    return [line for line in lines if line]


def _column(feature: Feature, texts: Sequence[str], wrong: list[str]) -> Column:
    """Return a column's cells as JSON would have them; one that cannot be read stays a text, for the reader to name."""
    if feature.dtype == "float64":
        numbers = _numbers(texts)
        return numbers if numbers is not None else _mixed(texts, wrong)
    if feature.dtype == "bool":
        return [_TRUTHS.get(text.strip().lower(), text or None) for text in texts]
    return [None if text == "" and feature.nullable else text for text in texts]


def _mixed(texts: Sequence[str], wrong: list[str]) -> list[Any]:
    """Return a column's numbers, None for a missing one, and the texts that are none, which are added to `wrong`.

    They are found by halves. Once there are as many as are reported, what follows is not read: it stays texts.
    """
    if len(wrong) >= InvalidRows.MOST:
        return list(texts)
    numbers = _numbers(texts)
    if numbers is not None:
        return [None if number != number else number for number in numbers.tolist()]  # noqa: PLR0124
    if len(texts) == 1:
        wrong.extend(texts)
        return list(texts)
    half = len(texts) // 2
    return _mixed(texts[:half], wrong) + _mixed(texts[half:], wrong)


def _numbers(texts: Sequence[str]) -> NDArray[np.float64] | None:
    """Return a column of which every text is a number, NaN or empty, else None; no Python code runs for each."""
    together = "".join(texts)
    if not together.isascii() or "_" in together:  # Python reads 1_000 and more
        return None
    if ("n" in together or "N" in together) and _SIGNED_NAN.search(together):
        return None
    numbers = _floats(texts)
    if numbers is None and (" " in together or not together.isprintable()):
        numbers = _floats([text.strip() for text in texts])
    return None if numbers is None or np.isinf(numbers).any() else numbers


def _floats(texts: Sequence[str]) -> NDArray[np.float64] | None:
    present = list(filter(None, texts))
    try:
        numbers = np.array(list(map(float, present)), dtype=np.float64)
    except ValueError:
        return None
    if len(present) == len(texts):
        return numbers
    column = np.full(len(texts), np.nan)
    column[np.fromiter(map(bool, texts), np.bool_, len(texts))] = numbers
    return column
