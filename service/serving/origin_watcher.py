"""The program that watches MODEL_URI for the master, and fetches what is new there into MODEL_DIR.

It asks for the manifest, if that has changed. It writes a line for each look, and the state of the directory if that is
not the one that the master has tried, as watcher.py does. Bundles are put in place whole, so no state has to last.
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
from service.serving.model_directory import Watch
from service.serving.origin import Origin, origin_of

_MOST_BYTES: Final = 1 << 16
_MOST_SAID: Final = 1000  # characters; a line goes through the pipe whole


@dataclass
class Follower:
    """Looks at an origin again and again. What fails is said once, and once more when it is over."""

    origin: Origin
    tag: str | None = None
    failing: str = field(default="", init=False)

    def look(self) -> tuple[str, str]:
        """Fetch what is new, and return the outcome and what is to be logged."""
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
    """Watch until the parent ends or closes the pipe; `directory` is where the server was started."""
    end_with_parent(int(parent))
    os.chdir(directory)
    settings = Settings.from_env(os.environ)
    origin = origin_of(settings, os.environ)
    if origin is None:
        return
    watch = Watch(settings.model_dir, settings.watch_seconds, watched_beside(settings))
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
        if (state := watch.state()) != known:
            known = state
            os.write(1, f"{state}\n".encode())
        due = time.monotonic() + settings.watch_seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
