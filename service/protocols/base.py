"""Codecs: bytes and headers to a Call, a Prediction to bytes. No Flask, no I/O, no clock, no metrics in this folder.

A protocol is one module here that makes a Codec, and one entry in the table of service.protocols.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from model.outputs import OutputSpec
from model.prediction import Prediction
from model.signature import Label, Signature
from service.errors import Failure, ServiceError
from service.formats.json_documents import DocumentReader
from service.formats.json_tensors import TensorReader
from service.protocols.call import Call, ModelIdentity, Statistics
from service.validation.columns import TableReader
from service.validation.json_rows import RowReader
from service.validation.request_schema import RequestSchema

JSON: Final = "application/json"
# The value of a request's header by its name, "" where there is none.
Header = Callable[[str], str]


@dataclass(frozen=True)
class Contract:
    """What a codec may know of the model: what it is, what it takes, how requests are read, and what it answers.

    `columns` has, for each label of a row, the column of each class among its probabilities. `served_as` is the model's
    name in the paths of some protocols, `platform` what the Open Inference Protocol calls the way it was made.
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

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The methods of the estimator whose outputs callers can ask for."""
        return tuple(dict.fromkeys(spec.method for spec in self.outputs))

    def check_name(self, model: str | None, version: str | None) -> None:
        """Raise ServiceError if a path names another model or version than this one; None names none."""
        if model not in (None, self.served_as) or version not in (None, self.identity.version):
            asked = f"{str(model)[:64]!r}" + (f" version {version[:64]!r}" if version else "")
            message = (
                f"Expected model {self.served_as!r} version {self.identity.version!r}, the one served; got {asked}."
            )
            raise ServiceError("unknown_model", message)


@dataclass(frozen=True)
class Answer:
    """One answer, ready to send but for the headers that are common to all."""

    content: bytes
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Codec:
    """One protocol.

    `routes` take predictions with POST; `<name:model>` and `<name:version>` in a path are checked against the model.
    `decode(body, header, contract)` raises ServiceError. `refuse(failure, request id)` says any failure below the
    `prefixes` in the protocol's own shape. By path, for GET: `pages` tell of the model, `statistics` of what it did so
    far, and `alive` is said as long as the process answers, with or without a model. `health` are the paths among them
    that load balancers ask: the pages say 503 while the server drains, and who has no token is told no more than that
    the server is ready. `statistics` are told at the admin address only, where there is one.
    """

    name: str
    routes: tuple[str, ...]
    decode: Callable[[bytes, Header, Contract], Call]
    encode: Callable[[Call, Prediction, Contract], Answer]
    refuse: Callable[[Failure, str], Answer]
    prefixes: tuple[str, ...] = ()
    pages: Mapping[str, Callable[[Contract], Answer]] = field(default_factory=dict)
    statistics: Mapping[str, Callable[[Contract, Statistics], Answer]] = field(default_factory=dict)
    alive: Mapping[str, Answer] = field(default_factory=dict)
    health: frozenset[str] = frozenset()
