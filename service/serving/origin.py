"""The origin of the bundle in MODEL_DIR, if MODEL_URI names one: how the bundle is fetched from there."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from model.storage.uris import ModelUri
from service.config import temporary_dirs
from service.config.settings import Settings

if TYPE_CHECKING:  # HTTP and TLS are imported where something is fetched
    from model.storage.fetching import Fetch, Fetched, Progress

_MORE_SECONDS: Final = 5.0  # for a fetch to end by itself before its process is ended


@dataclass(frozen=True)
class Origin:
    """A fetch as the server does it. The string of `uri` may be logged."""

    fetch: "Fetch"
    private: bool  # whether MODEL_DIR is a directory of the server's own

    @property
    def uri(self) -> ModelUri:
        """Where the bundle is."""
        return self.fetch.uri

    @property
    def seconds(self) -> float:
        """How long a process that fetches the bundle may take."""
        return self.fetch.access.seconds + _MORE_SECONDS

    @property
    def silent(self) -> Mapping[str, str]:
        """The failure to report if such a process does not answer."""
        reason = f"{self.uri} did not come within FETCH_SECONDS={self.fetch.access.seconds:g}, or fetching it crashed"
        return {"code": "storage_unavailable", "reason": f"{reason}; see `python -m model fetch`"}

    def bring(self) -> dict[str, Any]:
        """Fetch the bundle, in a process that forks no more, and return the words to log; raises ModelError."""
        start = time.monotonic()
        fetched = self.bring_new()
        return {"said": self.describe(fetched, time.monotonic() - start)}

    def bring_new(self, unless: str | None = None, progress: "Progress" = lambda *_: None) -> "Fetched":
        """Fetch the bundle; raises ModelError, or NotChanged if the manifest still has the tag `unless`."""
        if self.private:
            temporary_dirs.make_private(self.fetch.directory.parent)
        return self.fetch.run(progress, unless)

    def describe(self, fetched: "Fetched", seconds: float) -> str:
        """Return the words to log about what was fetched, in how many seconds."""
        model = f"model {fetched.manifest.name} {fetched.manifest.version}"
        if not fetched.replaced:
            return f"{model} of {self.uri} is in {self.fetch.directory} already"
        return f"{model} fetched from {self.uri}: {fetched.received} bytes in {seconds:.2f} s"


def origin_of(settings: Settings, environ: Mapping[str, str]) -> Origin | None:
    """Return the origin of the bundle; None if the server does not fetch it."""
    uri = settings.model_uri
    if uri is None:
        return None
    from model.storage.fetching import Fetch  # noqa: PLC0415  # see above
    from model.storage.places import Access  # noqa: PLC0415  # likewise

    access = Access(environ, settings.fetch_seconds, settings.allow_http)
    fetch = Fetch(
        uri, settings.model_dir, access, settings.fetch_bytes, settings.model_sha256, settings.model_signature_key
    )
    return Origin(fetch, settings.model_dir == temporary_dirs.of_fetched(uri.full))
