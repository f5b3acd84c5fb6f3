"""Notices when the bundle in a directory changes."""

import hashlib
from collections.abc import Collection
from pathlib import Path

from model.bundle.files import read_file
from model.bundle.manifest import MANIFEST, MOST_MANIFEST, names_file
from model.bundle.trust import SIGNATURE
from model.errors import NoRoom
from service.config.settings import Settings

FileIds = tuple[tuple[str | int, ...], ...]


def state_of(directory: Path, also: Collection[str] = ()) -> str:
    """Return the state of a directory: a short string that changes when the bundle in it changes.

    `also` names files that count although the manifest does not name them.
    """
    return hashlib.sha256(repr(_file_ids(directory, also)).encode()).hexdigest()


def watched_beside(settings: Settings) -> tuple[str, ...]:
    """Return the files of MODEL_DIR, besides the manifest and those it names, whose change calls for a reload."""
    return () if settings.model_signature_key is None else (SIGNATURE,)


class Watch:
    """Checks a directory at intervals of `seconds`; `also` names further files, as for `state_of`.

    `settles`: whether a state has to last for one interval, because files may be written one after the other.
    """

    def __init__(self, directory: Path, seconds: float, also: Collection[str] = (), *, settles: bool = True) -> None:
        self._directory, self._seconds, self._also, self._settles = directory, seconds, also, settles
        self._next = 0.0
        self.known = self._last = state_of(directory, also)  # no change if it comes again; what was seen last

    def changed(self, now: float) -> bool:
        """Return True once for each new state; `now` is by the monotonic clock."""
        if now < self._next:
            return False
        self._next = now + self._seconds
        seen = state_of(self._directory, self._also)
        lasts, self._last = seen == self._last or not self._settles, seen
        if not lasts or seen == self.known:
            return False
        self.known = seen
        return True


def _file_ids(directory: Path, also: Collection[str]) -> FileIds:
    """Return what identifies the manifest, each file that it names and those of `also`, symbolic links followed.

    Other files do not count, such as those that `pack` writes before the manifest and removes after it.
    """
    try:
        manifest = directory / MANIFEST
        content = read_file(manifest, "a manifest", most=MOST_MANIFEST)
        files = sorted(directory.iterdir())
        paths = [path for path in files if path.name in also or names_file(content, path.name)]
        stats = [(path.name, path.stat()) for path in [manifest, *paths]]
    except (OSError, NoRoom):
        return ()  # the bundle is being replaced, or there is none
    return tuple((name, stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_size) for name, stat in stats)
