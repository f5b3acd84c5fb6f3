"""The table of protocols. A new one is one module in service.wire and one entry here."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from service.settings import Settings
from service.wire import Answer, Codec
from service.wire.azure import AZURE
from service.wire.invocations import INVOCATIONS
from service.wire.native import NATIVE
from service.wire.v1 import V1, VERTEX
from service.wire.v2 import V2

PROTOCOLS: Final[tuple[Codec, ...]] = (NATIVE, V2, V1, INVOCATIONS, AZURE)


@dataclass(frozen=True)
class Spoken:
    """The protocols that one server speaks, with the routes it was set to."""

    codecs: tuple[Codec, ...]

    @property
    def names(self) -> Iterable[str]:
        """The protocols' names, as metrics and the log have them."""
        return [codec.name for codec in self.codecs]

    def of_path(self, path: str) -> Codec:
        """Return the protocol in whose shape a failure on this path is said; the native one where it is no other's."""
        for codec in self.codecs:
            if path in codec.routes or any(path == each or path.startswith(f"{each}/") for each in codec.prefixes):
                return codec
        return NATIVE


def spoken_by(settings: Settings) -> Spoken:
    """Return what a server of these settings speaks; a route that was set comes before one that is always there."""
    routes = (settings.predict_route,) if settings.predict_route else ()
    pages = {settings.health_route: lambda _contract: Answer(b"")} if settings.health_route else {}
    further = (replace(VERTEX, routes=routes, pages=pages, health=frozenset(pages)),) if routes or pages else ()
    return Spoken((*further, *PROTOCOLS))
