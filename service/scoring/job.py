"""A scoring job, its progress and its summary; the file formats."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from service.scoring.columns import Kept
from service.scoring.stopped import Stopped

STANDARD: Final = "-"  # stdin or stdout
CSV, JSON_LINES, PARQUET, ARROW, ARROW_STREAM = "csv", "jsonl", "parquet", "arrow", "arrows"
FORMATS: Final = (CSV, JSON_LINES, PARQUET, ARROW, ARROW_STREAM)
TEXT: Final = (CSV, JSON_LINES)
_SUFFIXES: Final = {
    ".csv": CSV,
    ".jsonl": JSON_LINES,
    ".ndjson": JSON_LINES,
    ".parquet": PARQUET,
    ".pq": PARQUET,
    ".arrow": ARROW,
    ".feather": ARROW,
    ".arrows": ARROW_STREAM,
}
_OTHERS: Final = (".json", ".xls", ".xlsx", ".ods", ".tsv")  # suffixes of formats that cannot be written
COMPRESSIONS: Final = {".gz": "gzip", ".zst": "zstd"}


@dataclass(frozen=True)
class Progress:
    """How far a run is: the rows scored, and how much of the input's `size`, if known, was read.

    Both are in bytes of a text file, or in rows of a file of columns.
    """

    rows: int
    read: int
    size: int | None


@dataclass(frozen=True)
class Job:
    """A run: from `source` to `target`, each a path or STANDARD.

    The formats are those of FORMATS. `bad_rows` is the file for rows that cannot be scored; None stops at the first.
    `header` says whether CSV begins with a header line: `present`, `absent`, or "" to find out.
    """

    source: str
    target: str
    source_format: str
    target_format: str
    kept: Kept
    outputs: tuple[str, ...] = ()
    bad_rows: Path | None = None
    header: str = ""
    fresh: bool = False
    processes: int = 1

    @property
    def can_resume(self) -> bool:
        """Whether both ends are files, so that another run can resume this one."""
        return is_file(self.source) and is_file(self.target, new=True)

    def options(self) -> dict[str, Any]:
        """Return the options that must be the same in a run that resumes this one."""
        return {
            "source": self.source_format,
            "target": self.target_format,
            "columns": ["*"] if self.kept.every else list(self.kept.names),
            "outputs": list(self.outputs),
            "header": self.header,
        }


@dataclass(frozen=True)
class Summary:
    """The result of a run; `resumed` are the rows of earlier runs among `rows`."""

    rows: int
    bad_rows: int
    resumed: int
    seconds: float


Report = Callable[[Progress], None]


def is_file(path: str, *, new: bool = False) -> bool:
    """Return whether a path is a regular file or, if `new`, is free for one."""
    return path != STANDARD and (os.path.isfile(path) or (new and not os.path.exists(path)))  # noqa: PTH110, PTH113


def format_of(path: str, given: str | None, other: str | None = None) -> str:
    """Return the format that was given, or that the suffix says, or `other`; raises Stopped if there is none."""
    name = Path(path) if compression_of(path) is None else Path(path).with_suffix("")
    suffix = name.suffix.lower()
    chosen = given or _SUFFIXES.get(suffix) or (None if suffix in _OTHERS else other)
    if chosen is None:
        raise Stopped(
            "bad_output" if other else "bad_input",
            f"{path}: the suffix says no format that can be {'written' if other else 'read'}; give one of "
            f"{', '.join(FORMATS)} with {'--format' if other else '--input-format'}.",
        )
    return chosen


def compression_of(path: str) -> str | None:
    """Return the compression that the suffix of a path says."""
    return COMPRESSIONS.get(Path(path).suffix.lower())
