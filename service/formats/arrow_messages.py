"""The messages of an Arrow IPC stream, one after the other, and those of a file, which its footer points to.

apache/arrow, docs/source/format/Columnar.rst, "Serialization and Interprocess Communication"; format/File.fbs.
"""

import struct
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from service.formats.flatbuffer_reader import BYTE, LONG, View

SCHEMA, DICTIONARY, BATCH = 1, 2, 3
Message = tuple[int, View, memoryview]  # its kind, header and body
_MAGIC: Final = b"ARROW1"  # at the beginning of a file, and at its end after the footer and the footer's size
_SIZE: Final = struct.Struct("<I")
_CONTINUED: Final = 0xFFFFFFFF
_MOST_MESSAGES: Final = 4096


def messages_of(body: bytes) -> Iterator[Message]:
    """Yield the messages of a stream or a file, the schema first; raises ValueError and struct.error."""
    return _of_file(memoryview(body)) if body.startswith(_MAGIC) else _of_stream(memoryview(body))


def _of_stream(body: memoryview) -> Iterator[Message]:
    """Yield each message, up to the end of the stream."""
    offset = number = 0
    while offset < len(body) and (found := _message_at(body, offset)) is not None:
        if number > _MOST_MESSAGES:
            raise ValueError(f"there are more than {_MOST_MESSAGES} batches")
        message, offset = found
        yield message
        number += 1


def _of_file(body: memoryview) -> Iterator[Message]:
    """Yield the schema of the footer, and the messages that the footer points to, dictionaries first.

    Nothing else in a file is read: writers differ in what they put before the first message. No writer makes messages
    overlap, and reading such a file could cost many times its size.
    """
    end = len(body) - _SIZE.size - len(_MAGIC)
    if end < len(_MAGIC) or bytes(body[-len(_MAGIC) :]) != _MAGIC:
        raise ValueError("the file does not end with a footer")
    (size,) = _SIZE.unpack_from(body, end)
    start = end - size
    if start < len(_MAGIC):
        raise ValueError("the footer is larger than the file")
    footer = View.root(body[start:end])
    schema = footer.view(1)
    # Each block is a struct of three longs; the first is its offset.
    offsets = [offset for member in (2, 3) for offset in footer.longs(member, 3)[: _MOST_MESSAGES + 1, 0].tolist()]
    if schema is None or len(offsets) > _MOST_MESSAGES:
        raise ValueError(f"the footer has no schema, or more than {_MOST_MESSAGES} batches")
    read = [_message_at(body[:start], offset) if len(_MAGIC) <= offset < start else None for offset in offsets]
    messages = [each for each in read if each is not None]
    spans = sorted(zip(offsets, (after for _, after in messages), strict=False))
    if len(messages) < len(offsets) or any(after > following for (_, after), (following, _) in pairwise(spans)):
        raise ValueError("batches overlap, or are not where the footer says")
    yield SCHEMA, schema, body[:0]
    for message, _ in messages:
        yield message


def _message_at(body: memoryview, offset: int) -> tuple[Message, int] | None:
    """Return a message and where it ends; None for the mark at the end of a stream."""
    (size,) = _SIZE.unpack_from(body, offset)
    offset += _SIZE.size
    if size == _CONTINUED:
        (size,) = _SIZE.unpack_from(body, offset)
        offset += _SIZE.size
    if size == 0:
        return None
    message = View.root(body[offset : offset + size])
    length, header = message.number(3, LONG), message.view(2)
    start = offset + size
    end = start + length
    if length < 0 or end > len(body) or header is None:
        raise ValueError("a message goes beyond the end of the body")
    return (message.number(1, BYTE), header, body[start:end]), end
