"""Makes text of unknown origin safe to show: on one line, without control characters, of bounded length."""

from typing import Final

MOST: Final = 8192  # characters


def one_line(text: str) -> str:
    """Return the text with unprintable characters escaped, as by Python's repr, and truncated if it is long."""
    if len(text) > MOST:
        text = f"{text[:MOST]}… and {len(text) - MOST} more characters"
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)
