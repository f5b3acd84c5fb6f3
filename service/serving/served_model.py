"""The served model with everything that requests need from it, and the slot that holds it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from model.bundle.manifest import SKOPS
from model.loading import Loaded
from model.predictor import Predictor
from service.formats.json_documents import DocumentReader
from service.protocols.base import Contract, ModelIdentity
from service.validation.column_policy import MOST_EXTRA, ColumnPolicy
from service.validation.columns import TableReader
from service.validation.json_rows import RowReader
from service.validation.request_schema import RequestSchema


@dataclass(frozen=True, eq=False)  # one model is equal only to itself, so that caches can be made for each
class ServedModel:
    """A loaded model with everything that requests need from it, made once; `loaded_at` is in Unix seconds."""

    loaded: Loaded
    loaded_at: float
    contract: Contract
    predictor: Predictor

    @classmethod
    def of(
        cls,
        loaded: Loaded,
        loaded_at: float,
        max_rows: int,
        name: str | None = None,
        policy: ColumnPolicy | None = None,
    ) -> "ServedModel":
        """Prepare a loaded model for serving, under its own name or another one."""
        manifest = loaded.manifest
        classes = manifest.signature.classes or ()
        rows = RowReader(manifest.signature, max_rows)
        contract = Contract(
            identity=ModelIdentity(manifest.name, manifest.version, loaded.digest),
            signature=manifest.signature,
            schema=RequestSchema(rows, [spec.member for spec in loaded.outputs]),
            columns=tuple({label: column for column, label in enumerate(each)} for each in classes),
            rows=rows,
            tables=TableReader(manifest.signature, max_rows),
            documents=DocumentReader(len(manifest.signature.names), max_rows, 0 if policy is None else MOST_EXTRA),
            served_as=name or manifest.name,
            platform=f"sklearn_{'skops' if SKOPS in manifest.kinds else 'joblib'}",
            outputs=loaded.outputs,
            predict_fn=manifest.predict_fn,
            policy=policy,
        )
        return cls(loaded, loaded_at, contract, Predictor(loaded))

    def describe(self) -> dict[str, object]:
        """Return what GET /model answers, for JSON; service.openapi.operations has its schema."""
        manifest, signature = self.loaded.manifest, self.loaded.manifest.signature
        return {
            "name": manifest.name,
            "version": manifest.version,
            "digest": self.loaded.digest,
            "engine": self.loaded.engine.name,
            "task": signature.task,
            "layout": signature.layout,
            "features": signature.features,
            "outputs": signature.outputs,
            "classes": signature.classes[0] if signature.classes and signature.outputs is None else signature.classes,
            "thresholds": manifest.thresholds or None,
            "answers": [
                {"name": spec.member, "dtype": spec.dtype, "columns": spec.columns if spec.shape else None}
                for spec in self.contract.outputs
            ],
            "created_at": manifest.created_at,
            "loaded_at": datetime.fromtimestamp(self.loaded_at, UTC).isoformat(timespec="seconds"),
            "made_with": manifest.made_with,
            "score": manifest.score,
        }


@dataclass
class ModelSlot:
    """Holds what a reload replaces. A request reads the model once, and uses that one to its end."""

    current: ServedModel
    # Of the tokens that are accepted, each with its owner; None: no token is needed.
    hashes: Mapping[bytes, str] | None = None
