"""The files of a bundle, found as a reader finds them: by the manifest."""

import hashlib
import json


def part(bundle, kind):
    """Return the path of the bundle's file of a kind: "skops", "onnx" or "joblib"."""
    files = json.loads((bundle / "manifest.json").read_text())["files"]
    (name,) = [name for name in files if name.endswith(f".{kind}")]
    return bundle / name


def replace_part(bundle, kind, content):
    """Give the bundle's file of a kind another content, and the manifest its size and digest."""
    path, manifest = part(bundle, kind), json.loads((bundle / "manifest.json").read_text())
    path.write_bytes(content)
    manifest["files"][path.name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (bundle / "manifest.json").write_text(json.dumps(manifest))


def as_format_1(bundle):
    """Make the bundle one as it was packed before names carried digests."""
    manifest = json.loads((bundle / "manifest.json").read_text())
    for name in manifest["files"]:
        (bundle / name).rename(bundle / f"model.{name.rpartition('.')[2]}")
    manifest["files"] = {f"model.{name.rpartition('.')[2]}": file for name, file in manifest["files"].items()}
    (bundle / "manifest.json").write_text(json.dumps({**manifest, "format": 1}))
