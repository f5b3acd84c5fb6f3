"""Reads training rows from CSV or Parquet, as the estimator was fitted on them."""

from pathlib import Path
from typing import Any, Final

import pandas

from model.errors import UnsupportedEstimator
from model.packing.column_facts import column_facts, fitted_or_generated_names

_MISSING: Final = ["", "NA", "N/A", "NaN", "nan", "NULL", "null", "None", "<NA>"]


def rows_at(path: Path, estimator: Any) -> Any:
    """Return the rows of a CSV file with a header, or of a Parquet file, as a data frame; raises ModelError.

    CSV has no dtypes: columns are read as strings or dates if the estimator was fitted on those. To it "01234" may not
    be a number, and "NA" may be Namibia.
    """
    if path.suffix not in (".csv", ".parquet"):
        raise UnsupportedEstimator(f"{path} is not a data file; expected a name that ends in .csv or .parquet.")
    try:
        if path.suffix == ".parquet":
            return pandas.read_parquet(path)
        names = [str(name) for name in pandas.read_csv(path, nrows=0).columns]
        known = column_facts(estimator, fitted_or_generated_names(estimator))
        strings = [name for name in names if name in known and known[name].dtype == "string"]
        return pandas.read_csv(
            path,
            dtype=dict.fromkeys(strings, "str"),
            parse_dates=[name for name in names if name in known and known[name].dtype == "datetime"],
            keep_default_na=False,
            na_values={name: [""] if name in strings else _MISSING for name in names},
        )
    except (OSError, ValueError) as error:
        raise UnsupportedEstimator(f"{path} cannot be read as {path.suffix[1:]}: {error}") from None
