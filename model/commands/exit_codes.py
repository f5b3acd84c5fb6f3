"""The exit codes of the commands and their meanings, for the code, `--help` and docs/commands.md."""

from enum import IntEnum
from typing import Self


class ExitCode(IntEnum):
    """An exit code, and what it means."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Keep the meaning beside the number."""
        code = int.__new__(cls, value)
        code._value_ = value
        code.meaning = meaning
        return code

    OK = 0, "done, and everything is right"
    REFUSED = 1, "not done, or not right: one line on stderr, or the report, says what is wrong and what to do"
    USAGE = 2, "no such command or option, or a value that it does not accept"
    DIFFERENT = 3, "done, but not everything is right: predictions that differ, or rows that were refused"
    LATER = 4, "not done, because another machine did not answer as it should; the same command may succeed later"
    INTERRUPTED = 130, "interrupted by Ctrl-C"
