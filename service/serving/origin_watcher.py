"""The program that watches MODEL_URI for the master, and fetches new bundles from there into MODEL_DIR.

It requests the manifest if that has changed. It writes a line for each check and, as watcher.py does, the state of the
directory if the master has not tried that state. A bundle is put in place as a whole, so no state has to last.
"""

import os
import select
import sys
import time
from dataclasses import dataclass, field
from typing import Final

from model.errors import ModelError
from model.forking import end_with_parent
from model.oneline import one_line
from model.storage.source import NotChanged
from service.config.refusals import Refused
from service.config.settings import Settings
from service.serving.fetch import watched_beside
from service.serving.model_directory import state_of
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


def main(directory: str, parent: str) -> None:
    """Watch until the parent ends or closes the pipe; `directory` is the one in which the server was started."""
    end_with_parent(int(parent))
    os.chdir(directory)
    settings = Settings.from_env(os.environ)
    origin = origin_of(settings, os.environ)
    if origin is None:
        return
    follower = Follower(origin)
    known, due = "", time.monotonic() + settings.watch_seconds
    while True:
        if select.select([0], [], [], max(0.0, due - time.monotonic()))[0]:
            tried = os.read(0, _MOST_BYTES).split()
            if not tried:
                return
            known = tried[-1].decode()
            continue
        outcome, words = follower.look()
        os.write(1, f"{outcome} {one_line(words)[:_MOST_SAID]}\n".encode())
        if (state := state_of(settings.model_dir, watched_beside(settings))) != known:
            known = state
            os.write(1, f"{state}\n".encode())
        due = time.monotonic() + settings.watch_seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
