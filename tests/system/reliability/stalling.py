"""A file system (FUSE) that shows a directory, and does not answer while a file is there: stalling.py SHOWN PLACE FILE.

Whoever asks it meanwhile waits in the kernel, where no signal reaches it, as on an NFS server that has gone. Its own
program, for a process that waits for itself would never end. It speaks the kernel's protocol (linux/fuse.h), so that it
needs root and no package. It says "mounted" when it is.
"""

import ctypes
import errno
import os
import select
import stat
import struct
import sys
from pathlib import Path

LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, RELEASE, INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = (
    1, 2, 3, 5, 14, 15, 18, 26, 27, 28, 29, 36, 42,
)  # fmt: skip
UNANSWERED = {FORGET, INTERRUPT, BATCH_FORGET}
REQUEST, ANSWER, READING = struct.Struct("IIQQIIII"), struct.Struct("IiQ"), struct.Struct("QQI")
MOST = 1 << 20
OPENED = struct.pack("QII", 0, 1, 0)  # FOPEN_DIRECT_IO: nothing is kept in memory
CONSTANT = {
    INIT: struct.pack("IIIIHHIIHHI28x", 7, 31, 0, 0, 12, 9, MOST, 1, 0, 0, 0),
    OPEN: OPENED,
    OPENDIR: OPENED,
    RELEASE: b"",
    RELEASEDIR: b"",
}


class Shown:
    """The directory; each path that was asked for has a number."""

    def __init__(self, root):
        self.paths = [Path(), root]

    def answer(self, opcode, node, body):
        """Return the answer to a request; raises OSError."""
        path = self.paths[node]
        if opcode == LOOKUP:
            child = path / os.fsdecode(body.rstrip(b"\0"))
            described = self.describe(child)
            return struct.pack("QQQQII", self.number(child), 0, 0, 0, 0, 0) + described
        if opcode in (READ, READDIR):
            _, offset, size = READING.unpack_from(body)
            read = self.content if opcode == READ else self.entries
            return read(path, offset, size)
        return self.simple(opcode, path)

    def simple(self, opcode, path):
        if opcode == GETATTR:
            return struct.pack("QII", 0, 0, 0) + self.describe(path)
        if opcode == READLINK:
            return os.fsencode(path.readlink())
        if opcode in CONSTANT:
            return CONSTANT[opcode]
        raise OSError(errno.ENOSYS, "not needed")

    def content(self, path, offset, size):
        return path.read_bytes()[offset : offset + size]

    def number(self, path):
        if path not in self.paths:
            self.paths.append(path)
        return self.paths.index(path)

    def describe(self, path):
        found = path.lstat()
        times = [divmod(each, 10**9) for each in (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)]
        seconds, rest = zip(*times, strict=True)
        return struct.pack(
            "QQQQQQIIIIIIIIII", self.number(path), found.st_size, found.st_blocks, *seconds, *rest,
            found.st_mode, found.st_nlink, found.st_uid, found.st_gid, 0, 4096, 0,
        )  # fmt: skip

    def entries(self, path, offset, size):
        answer = b""
        for number, child in enumerate(sorted(path.iterdir())[offset:], offset + 1):
            kind, raw = stat.S_IFMT(child.lstat().st_mode) >> 12, os.fsencode(child.name)
            entry = struct.pack("QQII", 1, number, len(raw), kind) + raw + bytes(-len(raw) % 8)
            if len(answer) + len(entry) > size:
                break
            answer += entry
        return answer


def reply(device, shown, request):
    _, opcode, unique, node, *_ = REQUEST.unpack_from(request)
    if opcode in UNANSWERED:
        return
    try:
        number, content = 0, shown.answer(opcode, node, request[REQUEST.size :])
    except OSError as error:
        number, content = -error.errno, b""
    os.write(device, ANSWER.pack(ANSWER.size + len(content), number, unique) + content)


def main(root, place, stalled):
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if ctypes.CDLL(None, use_errno=True).mount(b"stalling", os.fsencode(place), b"fuse", 0, options):
        raise OSError(ctypes.get_errno(), "mount")
    os.write(1, b"mounted\n")
    shown, kept = Shown(Path(root)), []
    while True:
        if select.select([device], [], [], 0.05)[0]:
            kept.append(os.read(device, MOST + 4096))
        if not Path(stalled).exists():
            while kept:
                reply(device, shown, kept.pop(0))


main(*sys.argv[1:])
