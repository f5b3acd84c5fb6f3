"""Notices when the bundle in a directory changes."""

import hashlib
from collections.abc import Collection
from pathlib import Path

from model.bundle.files import read_file
from model.bundle.manifest import MANIFEST, MOST_MANIFEST, names_file
from model.errors import NoRoom

FileIds = tuple[tuple[str | int, ...], ...]


class Watch:
    """Checks a directory at intervals. Its state is a short string that changes when the bundle in it changes.

    `also` names files that count although the manifest does not name them.
    """

    def __init__(self, directory: Path, seconds: float, also: Collection[str] = ()) -> None:
        self._directory, self._seconds, self._also = directory, seconds, also
        self._next = 0.0
        self.note()

    def note(self) -> None:
        """Consider the present state known."""
        self.known = self._last = self.state()

    def state(self) -> str:
        """Return the present state."""
        return hashlib.sha256(repr(self._look()).encode()).hexdigest()

    def changed(self, now: float) -> bool:
        """Return True once for each new state that has lasted for one interval; `now` is by the monotonic clock."""
        if not self._seconds or now < self._next:
            return False
        self._next = now + self._seconds
        seen = self.state()
        lasts, self._last = seen == self._last, seen
        if not lasts or seen == self.known:
            return False
        self.known = seen
        return True

    def _look(self) -> FileIds:
        """Return what identifies the manifest and each file that it names, symbolic links followed.

        Other files do not count, such as those that `pack` writes before the manifest and removes after it.
        """
        try:
            manifest = self._directory / MANIFEST
            text = read_file(manifest, "a manifest", most=MOST_MANIFEST)
            inside = sorted(self._directory.iterdir())
            paths = [path for path in inside if path.name in self._also or names_file(text, path.name)]
            found = [(path.name, path.stat()) for path in [manifest, *paths]]
        except (OSError, NoRoom):
            return ()  # it is being replaced, or there is no bundle
        return tuple((name, stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in found)
