"""The parts of a protocol: its Codec, the Contract with the model's facts, its Calls and Answers, and errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

from model.outputs import PREDICT, ROW_ID, OutputSpec, further_methods
from model.prediction import Prediction, Rows
from model.signature import Label, Signature
from service.errors import Failure, ServiceError
from service.formats import strict_json
from service.formats.json_documents import DocumentReader
from service.protocols import description
from service.tracing.context import RequestIds
from service.validation.column_policy import ColumnPolicy, RequestColumns
from service.validation.columns import TableReader
from service.validation.json_rows import RowReader
from service.validation.request_schema import RequestSchema

JSON: Final = description.JSON
PROBLEM_JSON: Final = "application/problem+json"
# The members of requests and answers of all protocols: a row id with one of these names would be taken for the member.
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
    """What a codec may know of the model: its identity, the readers of its requests, and its outputs.

    `columns` maps, for each label of a row, each class to the column of its probability. `served_as` is the model's
    name in the paths of some protocols, and `platform` is the name of its format in the Open Inference Protocol.
    `beside` holds the columns that one request has beside the model's; None if no policy allows any.
    """

    identity: ModelIdentity
    signature: Signature
    schema: RequestSchema
    columns: tuple[dict[Label, int], ...]
    rows: RowReader
    tables: TableReader
    documents: DocumentReader
    served_as: str
    platform: str
    outputs: tuple[OutputSpec, ...]
    predict_fn: str = PREDICT  # what MLflow's routes answer by default
    policy: ColumnPolicy | None = None
    beside: RequestColumns | None = None

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods of the estimator whose outputs a request can ask for."""
        return tuple(dict.fromkeys(spec.method for spec in self.outputs))

    @cached_property
    def usual_outputs(self) -> tuple[OutputSpec, ...]:
        """The outputs of the answer to a request that names none."""
        return tuple(spec for spec in self.outputs if not spec.is_further)

    def further(self, method: str) -> tuple[str, ...]:
        """Return the further methods that have to be computed so that the prediction has the output of a method."""
        if method == PREDICT:
            return ()
        return further_methods(spec for spec in self.outputs if spec.method == method)

    @property
    def row_id(self) -> str | None:
        """The name of the column of row ids, if requests may have one."""
        return None if self.policy is None else self.policy.row_id

    def of_request(self) -> "Contract":
        """Return the contract for one request: the same one, unless a policy applies to columns beside the model's."""
        if self.policy is None:
            return self
        beside = RequestColumns(self.policy)
        return replace(self, tables=self.tables.of_request(beside), beside=beside)

    def with_row_ids(self, prediction: Prediction) -> tuple["Contract", Prediction]:
        """Return the contract and the prediction to encode: with one more output if the request has row ids."""
        if self.beside is None or (ids := self.beside.ids) is None:
            return self, prediction
        outputs = (*self.outputs, *self.row_id_output)
        return replace(self, outputs=outputs), replace(prediction, further={**prediction.further, ROW_ID: ids})

    @property
    def row_id_output(self) -> tuple[OutputSpec, ...]:
        """The output that holds the row ids of the request, in a tuple that is empty if it has none."""
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
    """A decoded request: valid rows of shape (n, features), n ≥ 1, in the form that the model takes.

    `single` says that the caller sent one row as such, and not a list. `wanted` holds what the protocol's `encode`
    needs of the request: the format of the answer, an id, the chosen outputs. `further` names the methods to compute
    beyond labels and probabilities.
    """

    rows: Rows
    single: bool
    wanted: Any = None
    further: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """One answer; `headers` lacks those that all answers have."""

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

    `pages`, `statistics` and `alive` map paths to answers, for GET. `pages` describe the model. `statistics` describe
    the requests so far; if there is an admin address, they are answered only there. `alive` needs no model. `health`
    names the pages that load balancers ask: they answer 503 while the server drains, and tell callers without a token
    only that the server is ready.

    `describe` returns what the OpenAPI document says of these routes; without it, the document lists their paths.
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
        """Return whether this protocol describes the failures on a path."""
        return path in self.routes or any(path == each or path.startswith(f"{each}/") for each in self.prefixes)


def problem_json(failure: Failure, ids: RequestIds) -> Answer:
    """Describe a failure as RFC 9457 does, with every invalid cell."""
    document: dict[str, object] = {
        "type": f"urn:ml-service:error:{failure.code}",
        "title": failure.title,
        "status": failure.status,
        "detail": failure.message,
        "code": failure.code,
        "request_id": ids.request_id,
        "trace_id": ids.trace.trace_id,
        "span_id": ids.trace.span_id,
    }
    if failure.problems:
        document["errors"] = [
            {"code": each.code, "pointer": each.pointer, "expected": each.expected, "got": each.got}
            for each in failure.problems
        ]
    return Answer(strict_json.dumps(document), PROBLEM_JSON, status=failure.status)


def error_string(failure: Failure, _ids: RequestIds) -> Answer:
    """Describe a failure as `{"error": "code: message"}`: Open Inference Protocol, TensorFlow Serving, Vertex AI."""
    return Answer(strict_json.dumps({"error": code_and_message(failure)}), status=status_without_422(failure))


def code_and_message(failure: Failure) -> str:
    """Return both in one string, for shapes that have no field for the code."""
    return f"{failure.code}: {failure.message}"


def status_without_422(failure: Failure) -> int:
    """Return the status for a protocol that has no 422: bad input is 400 in all of them."""
    return 400 if failure.status == 422 else failure.status
