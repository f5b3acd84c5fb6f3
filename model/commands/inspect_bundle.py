"""What is in a bundle, without loading it: as a table for a person, and as JSON for a program."""

import json
from pathlib import Path

from model.bundle.manifest import Manifest, encode, read
from model.oneline import one_line
from model.signature import Feature


def as_json(directory: Path) -> str:
    """Return the verified manifest and its digest as JSON, golden rows left out; raises ModelError."""
    bundle = read(directory)
    document = {"digest": bundle.digest, **json.loads(encode(bundle.manifest))}
    document["golden"] = {"rows": len(bundle.manifest.golden.rows)}
    return json.dumps(document, indent=2)


def as_table(directory: Path) -> str:
    """Return the same as lines to read; raises ModelError."""
    bundle = read(directory)
    manifest, signature = bundle.manifest, bundle.manifest.signature
    head = {
        "model": f"{manifest.name} {manifest.version}",
        "task": signature.task + (f", {signature.outputs} outputs" if signature.outputs else ""),
        "classes": "; ".join(", ".join(map(str, each[:20])) for each in signature.classes or ()) or "none",
        "probabilities": "yes" if signature.probabilities else "no",
        "digest": bundle.digest,
        "created": manifest.created_at,
        "made with": ", ".join(f"{name} {version}" for name, version in manifest.made_with.items()),
        "files": ", ".join(f"{name} ({file.bytes:,} bytes)" for name, file in manifest.files.items()),
        "engine": engine_of(manifest),
        "golden rows": str(len(manifest.golden.rows)),
        "score": f"{manifest.score.metric} {manifest.score.value:.4g}" if manifest.score else "none",
    }
    lines = [f"{name:14} {value}" for name, value in head.items()]
    lines += ["", f"{'feature':30} {'type':10} {'null':5} values"]
    lines += [_line(feature, manifest) for feature in signature.features]
    return "\n".join(map(one_line, lines))  # what it says may be of unknown origin


def engine_of(manifest: Manifest) -> str:
    """Say what computes the model, and why that."""
    form = manifest.compiled
    if form is None:
        return f"scikit-learn ({manifest.not_compiled or 'packed before there was another'})"
    return (
        f"onnx, {form.speedup['1']:g} times as fast as scikit-learn for one row, {form.speedup['1000']:g} for 1,000; "
        f"the same labels on {form.rows:,} rows, numbers within {form.largest_difference:.1e}"
    )


def _line(feature: Feature, manifest: Manifest) -> str:
    known = (manifest.baseline or {}).get(feature.name)
    if feature.categories is not None:
        values = "one of " + ", ".join(map(str, feature.categories[:8]))
    elif known and known.deciles:
        values = f"{known.deciles[0]:g} to {known.deciles[-1]:g}, median {known.deciles[5]:g}"
    elif known and known.shares:
        values = "such as " + ", ".join(list(known.shares)[:3])[:60]
    else:
        values = "any"
    return f"{feature.name:30} {feature.dtype:10} {'yes' if feature.nullable else 'no':5} {values}"
