"""Sends a verified bundle from one process to another through a file that both have open."""

import struct
from typing import BinaryIO

import msgspec

from model.bundle.manifest import Bundle, Manifest

_SIZE = struct.Struct("Q")
_Head = tuple[str, Manifest, dict[str, int]]


def send(bundle: Bundle, file: BinaryIO) -> None:
    """Write a bundle into an open file, for `receive` in another process only."""
    head = bundle.digest, bundle.manifest, {name: len(content) for name, content in bundle.content.items()}
    encoded = msgspec.json.encode(head)
    file.write(_SIZE.pack(len(encoded)) + encoded)
    file.writelines(bundle.content.values())
    file.flush()


def receive(file: BinaryIO) -> Bundle:
    """Read the bundle that `send` wrote, from the start of the file."""
    file.seek(0)
    (size,) = _SIZE.unpack(file.read(_SIZE.size))
    digest, manifest, sizes = msgspec.json.decode(file.read(size), type=_Head)
    return Bundle(manifest, digest, {name: file.read(size) for name, size in sizes.items()})
