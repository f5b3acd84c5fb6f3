"""Notices when the bundle in a directory changes."""

import hashlib
from pathlib import Path

from model.bundle.files import read_file
from model.bundle.manifest import MANIFEST, MOST_MANIFEST, names_file
from model.errors import NoRoom

Signature = tuple[tuple[str | int, ...], ...]


class Watch:
    """Looks at a directory now and then; what is there, its state, is a short text that differs when anything does."""

    def __init__(self, directory: Path, seconds: float) -> None:
        self._directory, self._seconds = directory, seconds
        self._next = 0.0
        self.note()

    def note(self) -> None:
        """Take what is there now for known."""
        self.known = self._last = self.state()

    def state(self) -> str:
        """Look at what is there now."""
        return hashlib.sha256(repr(self._look()).encode()).hexdigest()

    def changed(self, now: float) -> bool:
        """Say once of each change that it is there, when it has stayed for one look; `now` by the monotonic clock."""
        if not self._seconds or now < self._next:
            return False
        self._next = now + self._seconds
        seen = self.state()
        rests, self._last = seen == self._last, seen
        if not rests or seen == self.known:
            return False
        self.known = seen
        return True

    def _look(self) -> Signature:
        """Return what tells the manifest and each file that it names from another, links followed.

        What else is there, such as what `pack` puts there before the manifest and removes after it, is no change.
        """
        try:
            manifest = self._directory / MANIFEST
            text = read_file(manifest, "a manifest", most=MOST_MANIFEST)
            paths = [path for path in sorted(self._directory.iterdir()) if names_file(text, path.name)]
            found = [(path.name, path.stat()) for path in [manifest, *paths]]
        except (OSError, NoRoom):
            return ()  # in the middle of being replaced, gone, or no manifest
        return tuple((name, stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in found)
