"""The protocols of a server. A new one is one module in this folder and one entry here."""

from collections.abc import Iterable
from dataclasses import dataclass

from service.config.settings import Settings
from service.errors import Failure, terse
from service.protocols.azureml import AZURE
from service.protocols.base import Answer, Codec
from service.protocols.mlflow_sagemaker import invocations
from service.protocols.native import NATIVE
from service.protocols.open_inference.codec import V2
from service.protocols.tf_serving import V1, vertex
from service.tracing.context import RequestIds


@dataclass(frozen=True)
class ProtocolRegistry:
    """The protocols of one server."""

    codecs: tuple[Codec, ...]
    terse: bool = False  # whether errors reveal nothing of the model

    @property
    def names(self) -> Iterable[str]:
        """The protocols' names in metrics and the log."""
        return [codec.name for codec in self.codecs]

    def refuse(self, path: str, failure: Failure, ids: RequestIds) -> Answer:
        """Describe a failure on a path."""
        return self.of_path(path).refuse(terse(failure) if self.terse else failure, ids)

    def of_path(self, path: str) -> Codec:
        """Return the protocol that describes failures on this path: the native one unless another owns the path."""
        for codec in self.codecs:
            if codec.owns(path):
                return codec
        return NATIVE


def registry_of(settings: Settings) -> ProtocolRegistry:
    """Return the protocols of a server with these settings; routes from settings take precedence over the others."""
    platform = settings.predict_route or settings.health_route
    further = (vertex(settings.predict_route, settings.health_route),) if platform else ()
    sagemaker = invocations(settings.threads, settings.max_body_bytes)
    return ProtocolRegistry((*further, NATIVE, V2, V1, sagemaker, AZURE), settings.terse_errors)
