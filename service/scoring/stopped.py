"""Why scoring stops before the end of its input."""


class Stopped(Exception):
    """Scoring stops; the message is one line that says what is wrong and what to do, the code is for scripts."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
