"""Why a request failed and who sent it, for its line in the prediction log."""

from dataclasses import dataclass
from typing import Any, Final

from service.errors import Failure
from service.monitoring.redaction import Redaction

MOST_SHOWN: Final = 200  # characters of a string from the request


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and what it asked for; an unknown attribute is empty.

    `client` is the address of whoever connected, which may be a proxy, `forwarded_for` what the header X-Forwarded-For
    says, which nobody has verified, and `owner` the comment beside the token in TOKENS_FILE.
    """

    client: str
    method: str = ""
    path: str = ""
    forwarded_for: str = ""
    owner: str = ""

    def described(self, redaction: Redaction) -> dict[str, str]:
        """Return what is known, by its name in the log."""
        return {name: redaction.text(value)[:MOST_SHOWN] for name, value in vars(self).items() if value}


@dataclass(frozen=True)
class Refusal:
    """A failure as its caller was told of it, with the status of the answer."""

    status: int
    failure: Failure
    caller: Caller

    def described(self, redaction: Redaction) -> dict[str, Any]:
        """Return the members of a log line that say why the request failed, without redacted values."""
        failure = self.failure
        first = failure.problems[0] if failure.problems else None
        members: dict[str, Any] = {"status": self.status, "detail": self._detail(redaction)}
        if first is not None and (not redaction.features or failure.feature is not None):
            members["pointer"] = redaction.text(first.pointer)
        if failure.feature is not None:
            members["feature"] = failure.feature[:MOST_SHOWN]
        if failure.problems:
            members["problems"] = len(failure.problems)
        return members | self.caller.described(redaction)

    def _detail(self, redaction: Redaction) -> str:
        """Return the message; only the title, if the message may contain a path that is redacted."""
        path = self.caller.path
        if not self.failure.problems and redaction.text(path) != path:
            return f"{self.failure.title}."
        return redaction.detail(self.failure)
