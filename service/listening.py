"""Ceasing to listen without losing a connection."""

import ctypes
import socket
import struct
from typing import Final

_ATTACH_FILTER: Final = 26  # SO_ATTACH_FILTER (socket(7)), which the socket module does not name
_DROP: Final = struct.pack("HBBI", 6, 0, 0, 0)  # one instruction for the kernel's packet filter: keep 0 bytes


def complete_no_more(listener: socket.socket) -> None:
    """Have the kernel complete no more connections; those that it has completed can still be accepted.

    A connection that came between the last accept and the close would be reset, with the request that was sent on it.
    Who tries to connect from now on is told nothing, tries again after a second, and is refused by then.
    """
    program = ctypes.create_string_buffer(_DROP)
    listener.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", 1, ctypes.addressof(program)))
