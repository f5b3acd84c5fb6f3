"""Why the server does not start, or does not serve another model: one line of text, and a code for scripts."""

from typing import Final

BOOT_FAILED: Final = "boot_failed"
NO_ROOM: Final = "no_room"


class Refused(Exception):
    """The server cannot start, or cannot serve another model; the message says in one line what is wrong and to do."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
