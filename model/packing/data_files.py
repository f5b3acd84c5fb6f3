"""Reads training rows from CSV or Parquet, as the estimator was fitted on them."""

import re
import warnings
from pathlib import Path
from typing import Any, Final

import pandas

from model.errors import PackingWarning, UnsupportedEstimator
from model.packing.column_facts import column_facts, fitted_or_generated_names

_MOST_READ: Final = 1000
# 2020-01-31, perhaps with a time; 31.1.2020, 1/31/20.
_DATE: Final = r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?|[0-9]{1,2}([./-])[0-9]{1,2}\2[0-9]{2,4}( .*)?"
_MISSING: Final = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>"]
_SEPARATOR: Final = re.compile(r'"?sep=(.)"?,*\s*', re.IGNORECASE)
_LONGEST: Final = 1 << 20  # characters of a first line


def rows_at(path: Path, estimator: Any) -> Any:
    """Return the rows of a CSV file with a header, or of a Parquet file, as a data frame; raises ModelError.

    CSV has no dtypes: columns are read as strings or dates if the estimator was fitted on strings or dates. So "01234"
    may stay a string, and so may "NA", for Namibia.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise UnsupportedEstimator(f"{path} is not a data file; expected a name that ends in .csv or .parquet.")
    try:
        return pandas.read_parquet(path) if path.suffix == ".parquet" else _csv(path, estimator)
    except FileNotFoundError:
        raise UnsupportedEstimator(f"{path} is not there; name a file of training rows, .csv or .parquet.") from None
    except (OSError, ValueError, ImportError) as error:  # pandas reads Parquet by another package
        raise UnsupportedEstimator(f"{path} cannot be read as {path.suffix[1:]}: {error}") from None


def _csv(path: Path, estimator: Any) -> Any:
    names = [str(name) for name in pandas.read_csv(path, nrows=0).columns]
    expected = fitted_or_generated_names(estimator, names)
    _check_first_line(path, names if len(expected) > 1 else [])
    known = column_facts(estimator, expected)
    strings = [name for name in names if name in known and known[name].dtype == "string"]
    rows = pandas.read_csv(
        path,
        dtype=dict.fromkeys(strings, "str"),
        parse_dates=[name for name in names if name in known and known[name].dtype == "datetime"],
        keep_default_na=False,
        na_values={name: [""] if name in strings else _MISSING for name in names},
    )
    for name in (name for name in names if name in expected and name not in known and _are_dates(rows[name])):
        warnings.warn(
            f"the column {name!r} of {path} has dates, which CSV does not distinguish: they are read as strings. If "
            "the model was fitted on dates, give it Parquet, or pack from Python.",
            PackingWarning,
            stacklevel=2,
        )
    return rows


def _check_first_line(path: Path, names: list[str]) -> None:
    """Raise UnsupportedEstimator for Excel's line that names the separator, and for another separator than commas."""
    with path.open(encoding="utf-8-sig") as file:
        if found := _SEPARATOR.fullmatch(file.readline(_LONGEST)):
            raise UnsupportedEstimator(
                f"{path} begins with Excel's line sep={found[1]}, which is neither names nor a row: leave it out"
                f"{'' if found[1] == ',' else ', and write the file with commas'}."
            )
    sign = next((sign for sign in ";\t|" if len(names) == 1 and sign in names[0]), None)
    if sign:
        raise UnsupportedEstimator(f"{path} separates its columns by {sign!r}; write it with commas.")


def _are_dates(cells: Any) -> bool:
    """Return whether the first cells that are present are strings that look like dates."""
    present = cells.dropna().head(_MOST_READ)
    strings = all(isinstance(cell, str) for cell in present)
    return strings and len(present) > 0 and bool(present.str.fullmatch(_DATE).all())
