"""Where the server makes files of its own: in memory, or else where temporary files are."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from service.config.refusals import NO_ROOM, Refused

_MEMORY: Final = "/dev/shm"  # noqa: S108  # what is made in it is private


def all_places() -> list[Path]:
    """Return the directories where servers may have made files, the one in memory first."""
    places = [Path(_MEMORY)]
    with suppress(FileNotFoundError):  # no directory for temporary files can be written in
        places.append(Path(tempfile.gettempdir()))
    return places


def place_for(files: int, room: int = 0) -> Path:
    """Return the first directory with room for so many files and bytes, or else one that takes any; raises Refused."""
    refusals = {place: _refusal(place) for place in all_places()}
    usable = [place for place, refusal in refusals.items() if not refusal]
    if not usable:
        found = ", ".join(f"{place} ({refusal})" for place, refusal in refusals.items())
        reason = f"no file can be made in {found}; let one of them be written in (docker run --tmpfs /tmp)."
        raise Refused(NO_ROOM, reason)
    return next((place for place in usable if _has_room(place, files, room)), usable[-1])


def _refusal(place: Path) -> str:
    try:
        with tempfile.TemporaryFile(dir=place):
            return ""
    except OSError as error:
        return str(error.strerror)


def _has_room(place: Path, files: int, room: int) -> bool:
    """Say whether there is room; where none are counted, there are files enough (statvfs(3))."""
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize >= room and (not found.f_files or found.f_favail >= files)
