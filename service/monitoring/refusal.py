"""Why a request failed and who sent it, for its line in the prediction log."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any, Final

from service.errors import Failure

MOST_SHOWN: Final = 200  # characters of what comes from the request


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and what it asked for; empty where that is not known.

    `client` is the address of whoever connected, which may be a proxy, `forwarded_for` what the header X-Forwarded-For
    says, which nobody has verified, and `owner` the comment beside the token in TOKENS_FILE.
    """

    client: str
    method: str = ""
    path: str = ""
    forwarded_for: str = ""
    owner: str = ""

    def described(self) -> dict[str, str]:
        """Return what is known, by its name in the log."""
        return {name: value[:MOST_SHOWN] for name, value in vars(self).items() if value}


@dataclass(frozen=True)
class Refusal:
    """A failure as its caller was told it, with the status of the answer."""

    status: int
    failure: Failure
    caller: Caller

    def described(self, redacted: Container[str]) -> dict[str, Any]:
        """Return the members of a log line that say why the request failed, without values of redacted features."""
        failure = self.failure
        first = failure.problems[0] if failure.problems else None
        found: dict[str, Any] = {"status": self.status, "detail": _detail(failure, redacted)}
        if first is not None and (not redacted or failure.feature is not None):
            found["pointer"] = first.pointer
        if failure.feature is not None:
            found["feature"] = failure.feature[:MOST_SHOWN]
        if failure.problems:
            found["problems"] = len(failure.problems)
        return found | self.caller.described()


def _detail(failure: Failure, redacted: Container[str]) -> str:
    """Return the message, or less of it if it may contain a value of a redacted feature."""
    if not redacted or (not failure.problems and failure.status not in (400, 422)):
        return failure.message
    if failure.feature is None or not failure.problems:
        # Names may be values, too: those of a CSV file that has no header, for instance.
        return f"{failure.title}."
    first = failure.problems[0]
    got = "a value that is not logged" if failure.feature in redacted else first.got
    return f"{first.pointer}: expected {first.expected}, got {got}."
