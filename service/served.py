"""The model that requests are answered with, as one immutable object, and the one place that holds it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from model.engines import Prediction
from model.loading import Loaded
from model.predictor import Predictor
from model.signature import Label
from service.calls import ModelIdentity
from service.errors import NotReady
from service.metrics import MOST_CLASSES, OTHER
from service.schemas import RequestSchema
from service.wire import Contract


@dataclass(frozen=True)
class ServedModel:
    """A loaded model with all that requests need of it, computed once; `loaded_at` in Unix seconds."""

    loaded: Loaded
    loaded_at: float
    contract: Contract
    predictor: Predictor
    class_labels: dict[Label, str]

    @classmethod
    def of(cls, loaded: Loaded, loaded_at: float, max_rows: int) -> "ServedModel":
        """Prepare a loaded model for serving."""
        manifest = loaded.manifest
        classes = manifest.signature.classes or ()
        single = classes[0] if classes and manifest.signature.outputs is None else ()
        contract = Contract(
            identity=ModelIdentity(manifest.name, manifest.version, loaded.digest),
            signature=manifest.signature,
            schema=RequestSchema(manifest.signature, max_rows),
            columns=tuple({label: column for column, label in enumerate(each)} for each in classes),
        )
        labels = {label: str(label) if place < MOST_CLASSES else OTHER for place, label in enumerate(single)}
        return cls(loaded, loaded_at, contract, Predictor(loaded), labels)

    def by_class(self, prediction: Prediction) -> Iterator[tuple[str, int]]:
        """Count an answer's rows by the metric label of their class; nothing unless each row has one class."""
        if self.class_labels:
            for label, count in Counter(prediction.labels.tolist()).items():
                yield self.class_labels.get(label, OTHER), count


class Holder:
    """Holds the model that is served now; a request takes it once and keeps it to its end."""

    def __init__(self, served: ServedModel | None = None) -> None:
        self._served = served

    def peek(self) -> ServedModel | None:
        """Return the model, or None while there is none."""
        return self._served

    def current(self) -> ServedModel:
        """Return the model; raises NotReady."""
        if self._served is None:
            raise NotReady("No model is loaded yet; try again later.")
        return self._served

    def swap(self, served: ServedModel | None) -> None:
        """Serve another model from the next request on."""
        self._served = served
