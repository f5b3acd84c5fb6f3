"""The schemas of the model's rows and answers, and the facts of the model that protocols may describe."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Any, Final

from model.bundle.manifest import Baseline, Manifest
from model.outputs import PREDICT, PREDICT_PROBA, OutputSpec
from model.signature import Cell, Label, Signature
from service.config.settings import Settings
from service.formats import strict_json
from service.openapi.row_schemas import ROW_ID, RowSchemas, enum_of
from service.protocols import schemas
from service.protocols.base import Contract
from service.protocols.description import ModelFacts
from service.protocols.schemas import Schema, array_of, component_of, ref

_JSON_TYPES: Final = {
    "float64": "number",
    "int64": "integer",
    "uint64": "integer",
    "bool": "boolean",
    "string": "string",
}

_SAMPLES: Final = 2
_SHORT: Final = 2000  # bytes of a row as JSON
_MOST_SHOWN: Final = 5  # values of a training baseline
_LONGEST: Final = 40


def facts_of(contract: Contract, manifest: Manifest, settings: Settings) -> tuple[ModelFacts, list[int]]:
    """Return what protocols may say of the model, and the positions of its samples among the golden rows.

    With TERSE_ERRORS they may say nothing of it. If LOG_REDACT names features, there are no samples.
    """
    row_id, max_rows = contract.row_id, contract.tables.max_rows
    if settings.terse_errors:
        return ModelFacts(max_rows, row_id), []
    golden = manifest.golden
    samples = [] if settings.log_redact else _sample(golden.rows, golden.labels)[:max_rows]
    facts = ModelFacts(
        max_rows,
        row_id,
        contract.signature,
        contract.served_as,
        contract.identity.version,
        contract.outputs,
        tuple(golden.rows[index] for index in samples),
    )
    return facts, samples


def schemas_of(facts: ModelFacts, contract: Contract, manifest: Manifest, hidden: Collection[str]) -> dict[str, Schema]:
    """Return the components that every document has; they say nothing of the training values of `hidden` features."""
    signature = facts.signature
    back = {**ROW_ID, "description": "Comes back with the answer."}
    ids: dict[str, Schema] = {} if facts.row_id is None else {schemas.ROW_ID: back}
    if signature is None:
        return {**_of_any_model(), **ids}
    notes = {name: _note(each) for name, each in (manifest.baseline or {}).items() if name not in hidden}
    found = RowSchemas(signature, contract.policy, notes).components()
    for method in facts.methods:
        specs = [spec for spec in facts.outputs if spec.method == method]
        found[component_of(method)] = _label(signature, specs[0]) if method == PREDICT else _numbers(specs)
    if manifest.thresholds and signature.classes:
        found[schemas.LABEL]["description"] = _thresholds(signature.classes[0], manifest.thresholds)
    if signature.probabilities:
        number: Schema = {"type": "number"}
        chance = number if signature.outputs is None else array_of(number, signature.outputs)
        note = "The probability of the predicted class, or of each of them if a row has several labels."
        found[schemas.PROBABILITY] = {**chance, "description": note}
    return {**found, **ids}


def _of_any_model() -> dict[str, Schema]:
    return {
        schemas.ROW: {"anyOf": [ref(schemas.ROW_BY_POSITION), ref(schemas.ROW_BY_NAME), schemas.STRING]},
        schemas.ROW_BY_POSITION: {"type": "array", "items": schemas.ANY_CELL},
        schemas.ROW_BY_NAME: {"type": "object", "additionalProperties": schemas.ANY_CELL},
        schemas.COLUMNS: {"type": "object", "additionalProperties": {"type": "array", "items": {}}},
        schemas.LABEL: {"description": "The prediction for a row."},
        schemas.PROBABILITIES: {"type": "array", "items": {}, "description": "The probabilities of a row."},
        schemas.PROBABILITY: {"description": "The probability of what is predicted."},
    }


def _label(signature: Signature, spec: OutputSpec) -> Schema:
    """Return the schema of the prediction for one row."""
    classes = signature.classes
    if classes is None:
        return _values(spec)
    each = [enum_of(own) for own in classes]
    if signature.outputs is None:
        return each[0]
    return array_of(each[0], signature.outputs) if all(one == each[0] for one in each) else _tuple(each)


def _thresholds(classes: Sequence[Label], thresholds: Sequence[float | None]) -> str:
    """Say from which probability on each class is answered."""
    given = [(label, least) for label, least in zip(classes, thresholds, strict=True) if least is not None]
    listed = ", ".join(f"{str(label)[:_LONGEST]!r} {least:g}" for label, least in given[:_MOST_SHOWN])
    return f"A class is answered from this probability on: {listed}{', …' if len(given) > _MOST_SHOWN else '.'}"


def _numbers(specs: list[OutputSpec]) -> Schema:
    """Return the schema of the numbers that a method returns for one row, perhaps in several arrays."""
    if len(specs) > 1 or specs[0].index is not None:
        return _tuple([_values(spec) for spec in specs])
    said = {"description": "One for each class, in the order of `classes` of GET /model."}
    return _values(specs[0]) | (said if specs[0].method == PREDICT_PROBA else {})


def _values(spec: OutputSpec) -> Schema:
    """Return the schema of an output's values for one row."""
    one = {"type": _JSON_TYPES[spec.dtype]}
    return array_of(one, spec.shape[0]) if spec.shape else one


def _tuple(each: list[Schema]) -> Schema:
    return {"type": "array", "prefixItems": each, "minItems": len(each), "maxItems": len(each)}


def _sample(rows: list[list[Cell]], labels: list[Any]) -> list[int]:
    """Choose golden rows for examples: short ones, and with different labels if possible."""
    sizes = [len(strict_json.dumps(row)) for row in rows]
    short = [index for index, size in enumerate(sizes) if size <= _SHORT]
    indices = short or sorted(range(len(rows)), key=sizes.__getitem__)
    others = (index for index in indices if labels[index] != labels[indices[0]])
    return list(dict.fromkeys([indices[0], *islice(others, 1), *indices]))[:_SAMPLES]


def _note(baseline: Baseline) -> str:
    """Say how the values of a feature were distributed in training; the server does not check this."""
    parts = []
    if baseline.deciles:
        least, median, most = (f"{baseline.deciles[index]:.6g}" for index in (0, len(baseline.deciles) // 2, -1))
        parts.append(f"{least} to {most}, median {median}")
    shares = sorted(baseline.shares.items(), key=lambda item: -item[1])
    parts += [f"{value[:_LONGEST]!r} {share:.0%}" for value, share in shares[:_MOST_SHOWN]]
    if baseline.missing:
        parts.append(f"missing {baseline.missing:.1%}")
    return f"In training: {', '.join(parts)}." if parts else ""
