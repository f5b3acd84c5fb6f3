"""What a protocol is made of: its Codec, the Contract that it reads and writes by, its Calls and Answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from model.outputs import PREDICT, ROW_ID, OutputSpec, further_methods
from model.prediction import Prediction, Rows
from model.signature import Label, Signature
from service.errors import Failure, ServiceError
from service.formats.json_documents import DocumentReader
from service.formats.json_tensors import TensorReader
from service.protocols import description
from service.tracing.context import RequestIds
from service.validation.column_policy import ColumnPolicy, RequestColumns
from service.validation.columns import TableReader
from service.validation.json_rows import RowReader
from service.validation.request_schema import RequestSchema

JSON: Final = description.JSON
# The members of requests and answers of all protocols: a row id with one of these names would be taken for it.
MEMBERS: Final = frozenset(
    {
        *("columns", "data", "dataframe_records", "dataframe_split", "error", "features", "index", "input_data"),
        *("inputs", "instances", "method", "outputs", "parameters", "params", "prediction", "predictions"),
        *("probabilities", "probability", "signature_name"),
    }
)
# Returns the value of a request's header by name, "" where it is absent.
Header = Callable[[str], str]


@dataclass(frozen=True)
class ModelIdentity:
    """A model's name and version, and the sha256 of its manifest in hex."""

    name: str
    version: str
    digest: str


@dataclass(frozen=True)
class Contract:
    """What a codec may know of the model: its identity, how its requests are read, and what it answers.

    `columns` maps, for each label of a row, each class to the column of its probability. `served_as` is the model's
    name in the paths of some protocols, and `platform` what the Open Inference Protocol calls its format. `beside` are
    the columns that one request has beside the model's, None where all such columns are refused.
    """

    identity: ModelIdentity
    signature: Signature
    schema: RequestSchema
    columns: tuple[dict[Label, int], ...]
    rows: RowReader
    tables: TableReader
    documents: DocumentReader
    tensors: TensorReader
    served_as: str
    platform: str
    outputs: tuple[OutputSpec, ...]
    predict_fn: str = PREDICT  # the method that MLflow's models say is answered
    policy: ColumnPolicy | None = None
    beside: RequestColumns | None = None

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods of the estimator whose outputs callers can ask for."""
        return tuple(dict.fromkeys(spec.method for spec in self.outputs))

    @cached_property
    def usual_outputs(self) -> tuple[OutputSpec, ...]:
        """The outputs of an answer to a caller who names none."""
        return tuple(spec for spec in self.outputs if not spec.is_further)

    def further(self, method: str) -> tuple[str, ...]:
        """Return what a prediction is to be asked for so that it has the output of a method."""
        if method == PREDICT:
            return ()
        return further_methods(spec for spec in self.outputs if spec.method == method)

    @property
    def row_id(self) -> str | None:
        """The name of the row ids, if a request may have some."""
        return None if self.policy is None else self.policy.row_id

    def of_request(self) -> "Contract":
        """Return the contract for one request: another one only if columns beside the model's have a policy."""
        if self.policy is None:
            return self
        beside = RequestColumns(self.policy)
        return replace(self, tables=self.tables.of_request(beside), beside=beside)

    def with_row_ids(self, prediction: Prediction) -> tuple["Contract", Prediction]:
        """Return what answers a request: if it has row ids, they are one more output."""
        if self.beside is None or (ids := self.beside.ids) is None:
            return self, prediction
        outputs = (*self.outputs, *self.row_id_output)
        return replace(self, outputs=outputs), replace(prediction, further={**prediction.further, ROW_ID: ids})

    @property
    def row_id_output(self) -> tuple[OutputSpec, ...]:
        """The output of the row ids of a request, if it has some."""
        if self.beside is None or self.row_id is None or (ids := self.beside.ids) is None:
            return ()
        return (OutputSpec.of_row_ids(self.row_id, ids),)

    def check_name(self, model: str | None, version: str | None) -> None:
        """Raise ServiceError if a path names another model or version; None is a path that names none."""
        if model not in (None, self.served_as) or version not in (None, self.identity.version):
            asked = f"{str(model)[:64]!r}" + (f" version {version[:64]!r}" if version else "")
            message = (
                f"Expected model {self.served_as!r} version {self.identity.version!r}, the one served; got {asked}."
            )
            raise ServiceError("unknown_model", message)


@dataclass(frozen=True)
class Call:
    """A request: valid rows of shape (n, features), n ≥ 1, in the form that the model takes.

    `single` says that the caller sent one row as such, and not a list. `wanted` is what the protocol's `encode` needs
    to know of the request: the answer's format, an id, the chosen outputs. `further` are the methods that are to be
    computed beyond labels and probabilities.
    """

    rows: Rows
    single: bool
    wanted: Any = None
    further: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """One answer, without the headers that all answers have."""

    content: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Statistics:
    """Counts of all prediction requests so far by outcome, rows predicted, and seconds spent."""

    succeeded: int
    failed: int
    rows: int
    succeeded_seconds: float
    failed_seconds: float


@dataclass(frozen=True)
class Codec:
    """One protocol.

    `routes` are the prediction routes, for POST; `<name:model>` and `<name:version>` in a path are checked against the
    model. `decode(body, header, contract)` raises ServiceError. `refuse(failure, ids)` describes any failure
    below the `prefixes` in the protocol's own shape.

    The others map paths to answers, for GET. `pages` describe the model. `statistics` describe what it has done so far,
    at the admin address only if there is one. `alive` answers as long as the process does, with or without a model.
    `health` names the pages that load balancers ask: they answer 503 while the server drains, and callers without a
    token learn nothing from them but that the server is ready.

    `describe` says what the OpenAPI document has of all these; without it, their paths are listed.
    """

    name: str
    routes: tuple[str, ...]
    decode: Callable[[bytes, Header, Contract], Call]
    encode: Callable[[Call, Prediction, Contract], Answer]
    refuse: Callable[[Failure, RequestIds], Answer]
    prefixes: tuple[str, ...] = ()
    pages: Mapping[str, Callable[[Contract], Answer]] = field(default_factory=dict)
    statistics: Mapping[str, Callable[[Contract, Statistics], Answer]] = field(default_factory=dict)
    alive: Mapping[str, Answer] = field(default_factory=dict)
    health: frozenset[str] = frozenset()
    describe: description.Describe | None = None

    def owns(self, path: str) -> bool:
        """Return whether failures on a path have this protocol's shape."""
        return path in self.routes or any(path == each or path.startswith(f"{each}/") for each in self.prefixes)
