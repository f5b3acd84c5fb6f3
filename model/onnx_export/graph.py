"""Builds ONNX graphs in double precision.

Operators are those of https://onnx.ai/onnx/operators (opset 21, ai.onnx.ml 5); numbers are float64, as in scikit-learn.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, checker, helper, numpy_helper

from model.bundle.manifest import GUARDED
from model.errors import describe

Kind = Literal["double", "float", "int64"]
_KINDS: Final[dict[Kind, int]] = {"double": TensorProto.DOUBLE, "float": TensorProto.FLOAT, "int64": TensorProto.INT64}
OPSET, ML_OPSET, IR_VERSION = 21, 5, 10
ML = "ai.onnx.ml"
SMALL = 4096  # bytes
# The codes of one column's strings, assigned as the encoders ask for them; None for a column of numbers.
Codes = dict[str, float] | None


class NotCompiled(Exception):
    """A model has no compiled form, or one that failed verification; the message says why."""


@dataclass(frozen=True)
class ColumnTensor:
    """A tensor of shape (n, width): its name in the graph, and for each column the codes of its strings.

    `sparse` says that scikit-learn holds it as a sparse matrix, in which other libraries may take zeros for missing
    values. `names` are the names of the columns while they are columns of the request, later None.
    """

    name: str
    codes: tuple[Codes, ...]
    sparse: bool = False
    names: tuple[str, ...] | None = None

    @property
    def width(self) -> int:
        """The number of columns."""
        return len(self.codes)


@dataclass(frozen=True)
class PredictorOutput:
    """The names of the tensors that a predictor returns.

    `labels` has shape (n,) or (n, outputs): numbers, or indices of classes. `probabilities` has shape (n, classes), one
    tensor for each output if there are several. `scores` is scikit-learn's decision function, of shape (n, 1) or
    (n, classes). Both are None if the predictor has none. `further` maps methods of the estimator to intermediate
    tensors of shape (n, columns) that equal what these methods return.
    """

    labels: str
    probabilities: tuple[str, ...] | None = None
    scores: str | None = None
    further: Mapping[str, str] = field(default_factory=dict)


# Functions that convert estimators, by exact type; by the type's qualified name if its library may not be installed.
Predictors = Mapping[Any, Callable[..., PredictorOutput]]
Transformers = Mapping[Any, Callable[..., ColumnTensor]]


def qualified_name(kind: type) -> str:
    """Return the module and name of a type, such as `sklearn.svm._classes.SVC`."""
    return f"{kind.__module__}.{kind.__qualname__}"


class Graph:
    """Collects nodes. Estimators are converted by the functions in `predictors` and `transformers`."""

    def __init__(self, predictors: Predictors, transformers: Transformers) -> None:
        self._predictors = predictors
        self._transformers = transformers
        self._nodes: list[Any] = []
        self._constants: list[Any] = []
        self._known: dict[Any, str] = {}  # small constants, and nodes with small attributes, for reuse
        self._columns: dict[str, str] = {}  # tensors of shape (n, 1), and the same tensors of shape (n,)
        self._marks: dict[str, None] = {}  # tensors of shape (n,): 0, or NaN for a row without an answer

    def add(self, operator: str, *inputs: str, domain: str = "", output: int = 0, **attributes: Any) -> str:
        """Add a node, or reuse an equal one, and return the name of an output; array attributes become tensors."""
        plain = all(isinstance(each, int) for each in attributes.values())
        same = (operator, inputs, domain, output, *attributes.items()) if plain else None
        if same in self._known:
            return self._known[same]
        names = [f"t{len(self._nodes)}_{index}" for index in range(output + 1)]
        given = {name: _tensor(each) if isinstance(each, np.ndarray) else each for name, each in attributes.items()}
        self._nodes.append(helper.make_node(operator, list(inputs), names, domain=domain, **given))
        if same:
            self._known[same] = names[output]
        return names[output]

    def cast(self, name: str, kind: Kind) -> str:
        """Convert a tensor to another type of number; booleans become 0 and 1."""
        return self.add("Cast", name, to=_KINDS[kind])

    def compare(self, operator: str, name: str, other: str) -> str:
        """Return 1 where the comparison of two tensors holds, else 0."""
        return self.cast(self.add(operator, name, other), "double")

    def reduce(self, operator: str, name: str, *, keepdims: int = 0) -> str:
        """Reduce a tensor along its second axis, which is removed, or kept with length 1 if `keepdims` is 1."""
        return self.add(operator, name, self.constant([1], np.int64), keepdims=keepdims)

    def constant(self, values: ArrayLike, dtype: Any = np.float64) -> str:
        """Add a constant, or reuse an equal one, and return its name."""
        array, name = np.asarray(values, dtype=dtype), f"c{len(self._constants)}"
        same = (array.shape, array.dtype.str, array.tobytes()) if array.nbytes < SMALL else None
        if same in self._known:
            return self._known[same]
        self._constants.append(_tensor(array, name))
        if same:
            self._known[same] = name
        return name

    def squeeze(self, name: str) -> str:
        """Return a tensor of shape (n, 1) as shape (n,)."""
        return self._columns.get(name) or self.add("Squeeze", name, self.constant([1], np.int64))

    def unsqueeze(self, name: str) -> str:
        """Return a tensor of shape (n,) as shape (n, 1)."""
        found = self.add("Unsqueeze", name, self.constant([1], np.int64))
        self._columns[found] = name
        return found

    def stack(self, names: Iterable[str]) -> str:
        """Return tensors of shape (n,) as the columns of one tensor."""
        return self.add("Concat", *map(self.unsqueeze, names), axis=1)

    def gather_columns(self, name: str, indices: ArrayLike) -> str:
        """Return columns of a tensor by index; transposing first makes this about five times as fast."""
        columns = self.add("Gather", self.add("Transpose", name), self.constant(indices, np.int64), axis=0)
        return self.add("Transpose", columns)

    def predict(self, estimator: Any, x: ColumnTensor) -> PredictorOutput:
        """Add a predictor; raises NotCompiled."""
        outcome: PredictorOutput = self._form(self._predictors, estimator)(self, estimator, x)
        return outcome

    def transform(self, transformer: Any, x: ColumnTensor) -> ColumnTensor:
        """Add a transformer; raises NotCompiled."""
        columns: ColumnTensor = self._form(self._transformers, transformer)(self, transformer, x)
        return columns

    @staticmethod
    def _form(forms: Mapping[Any, Callable[..., Any]], estimator: Any) -> Callable[..., Any]:
        kind = type(estimator)  # not a subclass, which may compute something else
        form = forms.get(kind) or forms.get(qualified_name(kind))
        if form is None:
            raise NotCompiled(f"{kind.__name__} has no compiled form")
        return form

    def refuse_infinite(self, name: str) -> None:
        """Give rows with infinity in this tensor no answer, as scikit-learn refuses them."""
        found = self.cast(self.add("IsInf", name), "double")
        bad = self.reduce("ReduceMax", found)
        above = self.add("Greater", bad, self.constant(0))
        self._marks[self.add("Where", above, self.constant(np.nan), self.constant(0))] = None

    def refuse_not_finite(self, x: ColumnTensor) -> None:
        """Give rows with NaN or infinity in these columns no answer: 0 times either is NaN."""
        zeros = self.add("MatMul", x.name, self.constant(np.zeros((x.width, 1))))
        self._marks[self.squeeze(zeros)] = None

    def build(
        self,
        outcome: PredictorOutput,
        width: int,
        outputs: int | None,
        properties: dict[str, str],
        further: Mapping[str, str],
    ) -> bytes:
        """Return the ONNX file of a graph with the input `rows` of shape (n, width); raises NotCompiled.

        The output `labels` has shape (n,), or (n, outputs). `further` maps names of more outputs to tensors of shape
        (n, columns).
        """
        shapes = {"labels": [None] if outputs is None else [None, outputs]}
        named = {"labels": self._marked(outcome.labels, several=outputs is not None)}
        named |= {f"probabilities{index}": name for index, name in enumerate(outcome.probabilities or ())}
        named |= further
        for output, name in named.items():
            self._nodes.append(helper.make_node("Identity", [name], [output]))
        nodes, constants = self._used(set(named))
        graph = helper.make_graph(
            nodes,
            "model",
            [helper.make_tensor_value_info("rows", TensorProto.DOUBLE, [None, width])],
            [
                helper.make_tensor_value_info(output, TensorProto.DOUBLE, shapes.get(output, [None, None]))
                for output in named
            ],
            constants,
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)]
        made = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="ml-service")
        helper.set_model_props(made, properties | ({GUARDED: "yes"} if self._marks else {}))
        try:
            checker.check_model(made)
            content: bytes = made.SerializeToString()
        except ValueError as error:  # protocol buffers hold at most 2 GiB
            raise NotCompiled(f"its graph cannot be written ({describe(error)})") from error
        return content

    def _used(self, wanted: set[str]) -> tuple[list[Any], list[Any]]:
        """Return the nodes and constants that the wanted tensors need; the runtime would compute the others as well."""
        nodes = []
        for node in reversed(self._nodes):
            if not wanted.isdisjoint(node.output):
                nodes.append(node)
                wanted.update(node.input)
        return nodes[::-1], [constant for constant in self._constants if constant.name in wanted]

    def _marked(self, labels: str, *, several: bool) -> str:
        """Return the labels, with NaN for rows without an answer, by which the engine recognises them."""
        for mark in self._marks:
            each = self.unsqueeze(mark) if several else mark
            labels = self.add("Add", labels, each)
        return labels


def _tensor(values: NDArray[Any], name: str = "") -> Any:
    return numpy_helper.from_array(np.asarray(values, order="C"), name)
