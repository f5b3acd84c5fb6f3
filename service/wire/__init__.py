"""Codecs: bytes and headers to a Call, a Prediction to bytes. No Flask, no I/O, no clock, no metrics in this folder."""

from collections.abc import Callable
from dataclasses import dataclass

from model.engines import Prediction
from model.signature import Label, Signature
from service.calls import Call, ModelIdentity
from service.schemas import RequestSchema


@dataclass(frozen=True)
class Contract:
    """What a codec may know of the model: who it is, what it takes, how requests are read, each output's columns."""

    identity: ModelIdentity
    signature: Signature
    schema: RequestSchema
    columns: tuple[dict[Label, int], ...]


@dataclass(frozen=True)
class Codec:
    """One protocol: `decode(body, content type, contract)` raises ServiceError, `encode` gives JSON or the like."""

    name: str
    content_type: str
    decode: Callable[[bytes, str, Contract], Call]
    encode: Callable[[Call, Prediction, Contract], bytes]
