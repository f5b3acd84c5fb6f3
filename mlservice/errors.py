"""The error that a notebook sees."""


class Error(Exception):
    """A model cannot be packed or served, or rows cannot be predicted; the message says what is wrong and what to do.

    `code` is the one that docs/errors.md explains.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self._message = code, message

    def __reduce__(self) -> tuple[type["Error"], tuple[str, str]]:
        """Return what another process makes the same error of."""
        return Error, (self.code, self._message)
