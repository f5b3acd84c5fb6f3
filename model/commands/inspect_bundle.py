"""Shows what is in a bundle, without loading the model."""

import json
from pathlib import Path
from typing import Any

from model.bundle.manifest import Bundle, Manifest, encode_manifest, read_bundle
from model.bundle.requirements import requirements
from model.commands.console import Console
from model.commands.framework import ExitCode, command
from model.commands.options import bundle_argument, keys_option, reporting
from model.commands.tables import Part, Table, fields
from model.signature import Feature


@command("bundle", "bundle --json")
@bundle_argument
@keys_option
@reporting
def run(bundle: Path, keys: Path | None, console: Console) -> ExitCode:
    """Verify the files of a bundle, and show what is in it, without loading the model."""
    found = read_bundle(bundle, keys=keys)
    console.report(_document(found), *_parts(found))
    return ExitCode.OK


def _document(bundle: Bundle) -> dict[str, Any]:
    """Return the digest and the manifest, with the number of golden rows in place of the rows."""
    document = {"digest": bundle.digest, **json.loads(encode_manifest(bundle.manifest))}
    return {**document, "golden": {"rows": len(bundle.manifest.golden.rows)}}


def _parts(bundle: Bundle) -> list[Part]:
    manifest, signature = bundle.manifest, bundle.manifest.signature
    head = {
        "model": f"{manifest.name} {manifest.version}",
        "task": signature.task + (f", {signature.outputs} outputs" if signature.outputs else ""),
        "classes": "; ".join(", ".join(map(str, each[:20])) for each in signature.classes or ()) or "none",
        "probabilities": "yes" if signature.probabilities else "no",
        "digest": bundle.digest,
        "created": manifest.created_at,
        "made with": ", ".join(f"{name} {version}" for name, version in manifest.made_with.items()),
        "needs": ", ".join(requirements(manifest)) or "only the server",
        "files": ", ".join(f"{name} ({file.bytes:,} bytes)" for name, file in manifest.files.items()),
        "thresholds": _thresholds(manifest),
        "engine": describe_engine(manifest),
        **({"compared with": manifest.compared_with} if manifest.compared_with else {}),
        "golden rows": str(len(manifest.golden.rows)),
        "score": f"{manifest.score.metric} {manifest.score.value:.4g}" if manifest.score else "none",
    }
    rows = [_cells(feature, manifest) for feature in signature.features]
    return [fields(head), Table(("feature", "type", "null", "values"), rows)]


def _thresholds(manifest: Manifest) -> str:
    named = zip((manifest.signature.classes or ((),))[0], manifest.thresholds, strict=False)
    return ", ".join(f"{name} from {each:g}" for name, each in named if each is not None) or "none"


def describe_engine(manifest: Manifest) -> str:
    """Return which engine computes the model, and why."""
    form = manifest.compiled
    if form is None:
        return f"scikit-learn ({manifest.not_compiled or 'packed before models were compiled'})"
    rest = f"; {form.left_out:,} training rows and thresholds are too many to compare" if form.left_out else ""
    same = f"on {form.rows:,} rows, numbers within {form.largest_difference:.1e}{rest}"
    if form.against == "numpy":
        return f"onnx, compared with the file's own trees: the same labels {same}"
    if not form.speedup:
        return f"onnx, compared with {form.against}: the same labels {same}"
    return (
        f"onnx, {form.speedup['1']:g} times as fast as {form.against} for one row, {form.speedup['1000']:g} for 1,000; "
        f"the same labels {same}"
    )


def _cells(feature: Feature, manifest: Manifest) -> tuple[str, str, str, str]:
    known = (manifest.baseline or {}).get(feature.name)
    if feature.categories is not None:
        values = "one of " + ", ".join(map(str, feature.categories[:8]))
    elif known and known.deciles:
        values = f"{known.deciles[0]:g} to {known.deciles[-1]:g}, median {known.deciles[5]:g}"
    elif feature.dtype == "bool":
        values = "true, false"
    elif known and known.shares:
        values = "such as " + ", ".join(list(known.shares)[:3])[:60]
    else:
        values = "any"
    return feature.name, feature.dtype, "yes" if feature.nullable else "no", values
