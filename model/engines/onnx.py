"""The engine for compiled models: ONNX Runtime on one graph in double precision, without scikit-learn."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from model.bundle.manifest import FINGERPRINT, GUARDED, REPACK, fingerprint
from model.engines.onnx_audit import check_graph
from model.errors import BundleCorrupt, NoFiniteAnswer
from model.labels import as_array
from model.outputs import OutputSpec
from model.prediction import Prediction, Rows
from model.signature import NUMERIC, Signature

UNKNOWN = -1.0
# This optimizer would multiply a matrix product by a float32, where the graph has a float64.
_INEXACT: Final = {"MatMulScaleFusion"}


class OnnxEngine:
    """Predicts with a graph whose output `labels` are numbers, or indices of the classes.

    The file states a fingerprint of the signature that it was made for, which must be the manifest's. The session has
    no threads, so that it works in processes that are forked later.
    """

    name = "onnx"

    def __init__(
        self,
        content: bytes,
        codes: Mapping[str, Mapping[str, float]],
        signature: Signature,
        further: tuple[OutputSpec, ...] = (),
    ) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            check_graph(content)
            session = onnxruntime.InferenceSession(
                content, options, providers=["CPUExecutionProvider"], disabled_optimizers=_INEXACT
            )
            properties = session.get_modelmeta().custom_metadata_map
        except MemoryError:
            raise
        except Exception as error:  # the runtime documents no type for these
            reason = " ".join(str(error).split())[:200]
            if "bad_alloc" in reason:
                raise MemoryError from None
            raise BundleCorrupt(f"the compiled model cannot be read ({reason}); {REPACK}.") from error
        if properties.get(FINGERPRINT) != fingerprint(signature, codes):
            raise BundleCorrupt(f"the compiled model was made for another signature than the manifest has; {REPACK}.")
        self._run = session.run
        names = [output.name for output in session.get_outputs()]
        self._outputs = [name for name in names if name.startswith(("labels", "probabilities"))]
        self.further = tuple(spec for spec in further if spec.method in names)
        self._guarded = GUARDED in properties  # NaN as a label marks a row without an answer
        self._codes = [codes.get(feature.name) for feature in signature.features]
        self._matrix = signature.layout == "matrix"
        self._classes = [as_array(each) for each in signature.classes or ()]
        self._task = signature.task
        self._lists = signature.outputs == 1  # a list of outputs, of which there is one

    def predict(self, rows: Rows, further: Sequence[str] = ()) -> Prediction:
        """Predict n ≥ 1 rows of shape (n, features); raises NoFiniteAnswer for rows that scikit-learn refuses, too."""
        numbers = rows if self._matrix else self._encoded(rows)
        asked = [*self._outputs, *further] if further else self._outputs
        labels, *probabilities = self._run(asked, {"rows": numbers})
        found = {method: _narrow(probabilities.pop()) for method in reversed(further)} if further else {}
        if self._guarded and not np.isfinite(labels).all():
            wrong = np.flatnonzero(~np.isfinite(labels.reshape(len(labels), -1)).all(axis=1))
            raise NoFiniteAnswer(f"a number of row {wrong[0]}, counted from 0, became too large inside the model.")
        several = len(probabilities) > 1 or (self._lists and bool(probabilities))
        shares = tuple(probabilities) if several else next(iter(probabilities), None)
        return Prediction(self._named(labels), shares, found)

    def _named(self, labels: NDArray[np.float64]) -> NDArray[Any]:
        if self._task in NUMERIC:
            return labels
        indices = labels.astype(np.int64)
        if self._task != "classifier":
            return indices
        if indices.ndim == 1:
            return self._classes[0].take(indices)
        columns = [classes.take(indices[:, output]) for output, classes in enumerate(self._classes)]
        return np.stack(columns, axis=1)

    def _encoded(self, rows: Rows) -> NDArray[np.float64]:
        """Return the rows as numbers: codes in place of strings, NaN for missing values."""
        numbers = np.empty(rows.shape)
        for column, codes in enumerate(self._codes):
            cells = rows[:, column].tolist()
            numbers[:, column] = (
                cells if codes is None else [np.nan if cell is None else codes.get(cell, UNKNOWN) for cell in cells]
            )
        return numbers


def _narrow(values: NDArray[Any]) -> NDArray[Any]:
    """Return the values of a single column as shape (n,)."""
    return values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values
