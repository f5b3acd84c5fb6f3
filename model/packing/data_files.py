"""Reads training rows from CSV or Parquet, as the estimator was fitted on them."""

import re
from pathlib import Path
from typing import Any, Final

import pandas

from model.errors import UnsupportedEstimator
from model.packing.column_facts import column_facts, fitted_or_generated_names

_MISSING: Final = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>"]
_SEPARATOR: Final = re.compile(r'"?sep=(.)"?,*\s*', re.IGNORECASE)
_LONGEST: Final = 1 << 20  # characters of a first line


def rows_at(path: Path, estimator: Any) -> Any:
    """Return the rows of a CSV file with a header, or of a Parquet file, as a data frame; raises ModelError.

    CSV has no dtypes: columns are read as strings or dates if the estimator was fitted on those. To it "01234" may not
    be a number, and "NA" may be Namibia.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise UnsupportedEstimator(f"{path} is not a data file; expected a name that ends in .csv or .parquet.")
    try:
        return pandas.read_parquet(path) if path.suffix == ".parquet" else _csv(path, estimator)
    except (OSError, ValueError) as error:
        raise UnsupportedEstimator(f"{path} cannot be read as {path.suffix[1:]}: {error}") from None


def _csv(path: Path, estimator: Any) -> Any:
    names = [str(name) for name in pandas.read_csv(path, nrows=0).columns]
    expected = fitted_or_generated_names(estimator, names)
    _check_first_line(path, names if len(expected) > 1 else [])
    known = column_facts(estimator, expected)
    strings = [name for name in names if name in known and known[name].dtype == "string"]
    return pandas.read_csv(
        path,
        dtype=dict.fromkeys(strings, "str"),
        parse_dates=[name for name in names if name in known and known[name].dtype == "datetime"],
        keep_default_na=False,
        na_values={name: [""] if name in strings else _MISSING for name in names},
    )


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
