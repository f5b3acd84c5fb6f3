"""The table of protocols. A new one is one module here and one entry in the table."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from service.config.settings import Settings
from service.protocols.azureml import AZURE
from service.protocols.base import Answer, Codec
from service.protocols.mlflow_sagemaker import invocations
from service.protocols.native import NATIVE
from service.protocols.open_inference.codec import V2
from service.protocols.tf_serving import V1, VERTEX


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
    sagemaker = invocations(settings.threads, settings.max_body_bytes)
    return Spoken((*further, NATIVE, V2, V1, sagemaker, AZURE))
