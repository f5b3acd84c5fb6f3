"""The format of the log on stderr: one line for each record, then its traceback, indented.

Records contain strings from outside: exceptions of the model's own code, values, paths, headers. None of them can start
a line, so nobody can forge a record, and none can send control characters to a terminal.
"""

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from traceback import TracebackException
from typing import Any, Final

from model.oneline import one_line
from service.monitoring.redaction import NOTHING_REDACTED, Redaction

HEADING: Final = "Traceback (most recent call last):"
CAUSED: Final = "The above exception was the direct cause of the following exception:"
MEANWHILE: Final = "During handling of the above exception, another exception occurred:"
MOST_EXCEPTIONS: Final = 20  # of one record, chained or in groups


class Formatter(logging.Formatter):
    """Formats records so that no string in them can be mistaken for a record, and without redacted values.

    Exceptions of the model's own code may contain values. So if any feature is redacted, an exception is logged without
    its message: only its type, and where it was raised.
    """

    def __init__(self, form: str, dates: str | None = None, redaction: Redaction = NOTHING_REDACTED) -> None:
        super().__init__(form, dates)
        self._redaction = redaction

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # logging's interface
        """Return the record's line."""
        return one_line(self._redaction.text(super().formatMessage(record)))

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's interface
        """Return the lines of an exception and of those that led to it, indented."""
        lines = _lines(TracebackException(*ei, compact=True), types_only=bool(self._redaction.features))
        return _indented(map(self._redaction.text, lines))

    def formatStack(self, stack_info: str) -> str:  # noqa: N802  # logging's interface
        """Return the lines of a stack, indented."""
        return _indented(stack_info.split("\n"))


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"  {one_line(line)}" for line in lines)


def _lines(last: TracebackException, *, types_only: bool) -> Iterator[str]:
    """Yield the lines of an exception after those that led to it, then of the exceptions in its group."""
    pending = deque([last])
    for _ in range(MOST_EXCEPTIONS):
        if not pending:
            return
        for error, words in reversed(_chain(pending.popleft())):
            pending.extend(error.exceptions or ())
            yield from (words, HEADING) if words else (HEADING,)
            for call in error.stack.format():
                yield from call.rstrip("\n").split("\n")
            said = (line.rstrip("\n") for line in error.format_exception_only())
            yield from (next(said, "").partition(":")[:1] if types_only else said)


def _chain(last: TracebackException) -> list[tuple[TracebackException, str]]:
    """Return an exception and those that led to it, each with the sentence that connects it to the one before."""
    chain: list[tuple[TracebackException, str]] = []
    error: TracebackException | None = last
    while error is not None and len(chain) < MOST_EXCEPTIONS:
        earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        chain.append((error, "" if earlier is None else CAUSED if error.__cause__ else MEANWHILE))
        error = earlier
    return chain
