"""Finds the predictions in a log: the server's lines, which may be among others, or wrapped by a log collector."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any, Final

from service.errors import OK, InvalidJson
from service.formats import strict_json

MOST_BYTES: Final = 2**26  # of a line; longer ones are skipped
_START: Final = b'{"time":'  # a collector may have put something before it


@dataclass(frozen=True)
class Logged:
    """A prediction as it was logged: the first `len(inputs)` of `rows` rows."""

    request_id: str
    model: str
    rows: int
    inputs: list[Any]
    predictions: list[Any]
    probabilities: list[Any] | None


# Why a line is skipped.
OTHER: Final = "no line of a prediction"
TOO_LONG: Final = f"longer than {MOST_BYTES // 2**20} MiB"
INCOMPLETE: Final = "not a complete line of the prediction log"
FAILED: Final = "the request failed, so its inputs are not logged"
REDACTED: Final = "features are redacted (LOG_REDACT)"
NO_ROWS: Final = "no rows are logged (LOG_ROWS=0)"


def read_log(log: IO[bytes]) -> Iterator[Logged | str]:
    """Yield for each line its prediction, or why it is skipped; no more than one line is in memory."""
    while line := log.readline(MOST_BYTES + 1):
        if len(line) <= MOST_BYTES:
            yield _read(line)
            continue
        while line and not line.endswith(b"\n"):
            line = log.readline(MOST_BYTES)
        yield TOO_LONG


def _read(line: bytes) -> Logged | str:
    start = line.find(b"{")
    if start < 0:
        return OTHER
    try:
        entry = strict_json.loads(line[max(start, line.find(_START)) :])
        if isinstance(entry, dict) and isinstance(entry.get("log"), str):  # Docker's json-file
            entry = strict_json.loads(entry["log"].encode())
    except InvalidJson:
        return INCOMPLETE if _START in line else OTHER
    if not isinstance(entry, dict) or not {"request_id", "protocol", "code"} <= entry.keys():
        return OTHER
    if entry["code"] != OK:
        return FAILED
    if entry.get("redacted"):
        return REDACTED
    return _logged(entry)


def _logged(entry: dict[str, Any]) -> Logged | str:
    inputs, predictions, probabilities = (entry.get(name) for name in ("inputs", "predictions", "probabilities"))
    model, rows = entry.get("model"), entry.get("rows")
    if not (isinstance(inputs, list) and isinstance(predictions, list) and isinstance(rows, int)):
        return INCOMPLETE
    if not (isinstance(model, dict) and isinstance(probabilities, list | None)):
        return INCOMPLETE
    if len(predictions) != len(inputs) or (probabilities is not None and len(probabilities) != len(inputs)):
        return INCOMPLETE
    if not inputs:
        return NO_ROWS
    name = " ".join(str(model.get(part, "?"))[:64] for part in ("name", "version", "digest"))
    return Logged(str(entry["request_id"]), name, rows, inputs, predictions, probabilities)
