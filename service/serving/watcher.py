"""The program that watches for a new model for the master, which has no threads and must not wait for a file system.

It writes a line with each new state of MODEL_DIR, and reads the states that the master has tried. If MODEL_URI is set,
it requests the manifest if that has changed, fetches a new bundle into MODEL_DIR, and writes a line for each check.
"""

import os
import select
import sys
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from model.errors import ModelError
from model.forking import end_with_parent
from model.oneline import one_line
from model.storage.source import NotChanged
from service.config.refusals import Refused
from service.config.settings import Settings
from service.serving.model_directory import Watch, watched_beside
from service.serving.origin import Origin, origin_of

_MOST_BYTES: Final = 1 << 16
_MOST_SAID: Final = 1000  # characters, so that a line goes through the pipe in one piece


@dataclass
class Follower:
    """Checks an origin repeatedly. A failure is logged once, and its end once more."""

    origin: Origin
    tag: str | None = None
    failing: str = field(default="", init=False)

    def look(self) -> tuple[str, str]:
        """Fetch a new bundle if there is one; return the outcome and the words to log, "" for none."""
        start = time.monotonic()
        try:
            fetched = self.origin.bring_new(self.tag)
        except NotChanged:
            return self._fine("unchanged", "")
        except (ModelError, Refused, OSError) as error:
            return "failed", self._fails(f"{getattr(error, 'code', 'no_room')}: {error}")
        self.tag = fetched.tag
        if not fetched.replaced:
            return self._fine("unchanged", "")
        return self._fine("replaced", self.origin.describe(fetched, time.monotonic() - start))

    def _fails(self, reason: str) -> str:
        code = reason.partition(":")[0]
        first, self.failing = code != self.failing, code
        return f"{self.origin.uri} is not followed for now, the old model stays: {reason}" if first else ""

    def _fine(self, outcome: str, words: str) -> tuple[str, str]:
        over = f"{self.origin.uri} is followed again" if self.failing else ""
        self.failing = ""
        return outcome, words or over


def main(started_in: str, model_dir: str, parent: str) -> None:
    """Watch until the parent ends or closes the pipe.

    The settings' paths are relative to the directory in which the server was started. MODEL_DIR is given, because
    another one could be found by now if a platform implies it.
    """
    end_with_parent(int(parent))
    os.chdir(started_in)
    settings = replace(Settings.from_env(os.environ), model_dir=Path(model_dir))
    origin = origin_of(settings, os.environ)
    follower = None if origin is None else Follower(origin)
    # A fetched bundle is put in place as a whole, so its state need not last.
    watch = Watch(settings.model_dir, settings.watch_seconds, watched_beside(settings), settles=follower is None)
    watch.known = ""
    due = time.monotonic() + settings.watch_seconds
    while True:
        if select.select([0], [], [], max(0.0, due - time.monotonic()))[0]:
            tried = os.read(0, _MOST_BYTES).split()
            if not tried:
                return
            watch.known = tried[-1].decode()
            continue
        if follower is not None:
            outcome, words = follower.look()
            os.write(1, f"{outcome} {one_line(words)[:_MOST_SAID]}\n".encode())
        if watch.changed(time.monotonic()):
            os.write(1, f"{watch.known}\n".encode())
        due = time.monotonic() + settings.watch_seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
