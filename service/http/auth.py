"""Who may ask: bearer tokens (RFC 6750), known by their hashes only."""

import hashlib
import hmac
import re
from collections.abc import Iterable
from pathlib import Path

from model.bundle.files import read_file
from service.config.settings import SettingError
from service.errors import Unauthorized

_MOST = 2**24  # bytes
_LINE = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})(?:\s.*)?")


class Access:
    """Lets in who has one of the tokens; everybody where there are none."""

    def __init__(self, hashes: Iterable[bytes] | None = None) -> None:
        self.hashes = None if hashes is None else tuple(hashes)

    @classmethod
    def read(cls, path: Path | None) -> "Access":
        """Read the hashes of a file: a sha256 in hex on each line, then whatever says whose it is. Raises SettingError.

        Empty lines and lines that start with # are passed over. A file without any hash is an error: nobody could ask.
        """
        if path is None:
            return cls()
        try:
            content = read_file(path, f"a regular file of at most {_MOST} bytes", most=_MOST)
            lines = [line.strip() for line in content.decode().splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise SettingError(f"TOKENS_FILE={path}: expected a readable text file ({error}).") from None
        found = [_LINE.fullmatch(line) for line in lines if line and not line.startswith("#")]
        hashes = [bytes.fromhex(match.group(1)) for match in found if match]
        if not hashes or len(hashes) != len(found):
            raise SettingError(
                f"TOKENS_FILE={path}: expected at least one line, and on each the sha256 of a token in hex."
            )
        return cls(hashes)

    def check(self, authorization: str) -> None:
        """Check an Authorization header, in a time that tells nothing of the tokens; raises Unauthorized."""
        if self.hashes is None:
            return
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthorized("Expected an Authorization header with a bearer token, got none.")
        given = hashlib.sha256(token.strip().encode("latin-1", "replace")).digest()
        if not sum(hmac.compare_digest(given, known) for known in self.hashes):
            raise Unauthorized("The bearer token is not one that is known here.", wrong=True)


class Gate:
    """Holds who may ask now, which a reload may change, and where the admin routes are answered."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.admin: tuple[str, str] | None = None  # that listener's address and port; None: they are answered anywhere
