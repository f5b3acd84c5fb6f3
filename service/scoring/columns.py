"""Checks the columns of the input: those that the model needs, and those that are written beside the predictions."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from service.errors import InvalidRows
from service.scoring.scorer import Scorer
from service.scoring.stopped import Stopped

_MOST_NAMED = 20


@dataclass(frozen=True)
class Kept:
    """The columns of the input that are written: every one, or these."""

    every: bool = True
    names: tuple[str, ...] = ()


def check_columns(names: Sequence[str], scorer: Scorer, kept: Kept) -> None:
    """Raise Stopped unless the input has every column that the model or the caller wants exactly once.

    Other columns are passed on or ignored. But if MISSING_COLUMNS gives values to columns that the input lacks, it
    would do so for a misspelt one, too: then IGNORE_EXTRA_COLUMNS has to allow other columns.
    """
    contract = scorer.contract.of_request()
    model = set(contract.tables.names)
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1 and (name in model or kept.every)]:
        raise Stopped("bad_columns", f"column {twice[0]!r} is there twice.")
    if lacking := [name for name in kept.names if name not in names]:
        raise Stopped("bad_columns", f"there is no column {lacking[0]!r} for the id; there are {listed(names)}.")
    try:
        contract.tables.check_names([name for name in names if name in model])
    except InvalidRows as error:
        missing = [problem.pointer.removeprefix("/") for problem in error.problems]
        message = f"the model needs {listed(missing)}, which the input does not have; it has {listed(names)}."
        raise Stopped("bad_columns", message) from None
    policy = contract.policy
    others = [name for name in names if name not in model and name not in kept.names]
    if policy is not None and policy.defaults and not policy.ignore_extra and others:
        raise Stopped(
            "bad_columns",
            f"the model has no column {others[0]!r}; where MISSING_COLUMNS gives values to those that lack, "
            "IGNORE_EXTRA_COLUMNS=1 allows others.",
        )
    check_added(names if kept.every else kept.names, scorer.names)


def check_added(names: Collection[str], added: Sequence[str]) -> None:
    """Raise Stopped if a column that is written has the name of a prediction."""
    if taken := [name for name in added if name in names]:
        raise Stopped(
            "bad_columns",
            f"the input has a column {taken[0]!r}, which is the name of a prediction; rename it, or leave it out with "
            "--columns id or --columns none.",
        )


def listed(names: Sequence[str]) -> str:
    """Return the first of the names, and how many more there are."""
    more = len(names) - _MOST_NAMED
    return ", ".join(repr(name[:100]) for name in names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
