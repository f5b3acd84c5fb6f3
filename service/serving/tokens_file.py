"""Reads TOKENS_FILE: the SHA-256 hashes of the bearer tokens that are accepted."""

import re
from pathlib import Path
from typing import Final

from model.bundle.files import read_file
from service.config.settings import SettingError

_MOST: Final = 2**24  # bytes
_LINE: Final = re.compile(r"(?:sha256:)?([0-9a-fA-F]{64})(?:\s+[-#]?\s*(.*))?")  # sha256sum names stdin "-"


def read_hashes(path: Path) -> dict[bytes, str]:
    """Read the hashes in a file, each with its owner. A line has a SHA-256 in hex, then any words for the owner.

    Empty lines and lines that start with # are skipped. Raises SettingError, also for a file without any hash, because
    the server would accept nobody.
    """
    try:
        content = read_file(path, f"a regular file of at most {_MOST} bytes", most=_MOST)
        lines = [line.strip() for line in content.decode().splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"TOKENS_FILE={path}: expected a readable text file ({error}).") from None
    matches = [_LINE.fullmatch(line) for line in lines if line and not line.startswith("#")]
    hashes = {bytes.fromhex(match[1]): match[2] or "" for match in matches if match}
    if not hashes or not all(matches):
        raise SettingError(f"TOKENS_FILE={path}: expected at least one line, and on each the sha256 of a token in hex.")
    return hashes
