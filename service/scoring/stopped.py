"""Why scoring stops before the end of its input: a message of one line, and a code for scripts."""

from typing import Final

# Code → what it means, as the documentation says.
CODES: Final = {
    "bad_columns": "the columns of the input are not those of the model",
    "bad_row": "a row cannot be scored, and no file for bad rows was named",
    "bad_input": "the input is not in its format, or has a record that is too long",
    "bad_output": "the output cannot be written in that place or format",
    "other_run": "the unfinished output beside OUT is of another input, model or set of options",
    "disk_full": "the output has no room",
    "worker_died": "a batch ended the process that scored it, twice",
    "interrupted": "a signal asked it to stop",
    "failed": "the model failed",
}


class Stopped(Exception):
    """Scoring stops; the message is one line that says what is wrong and what to do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
