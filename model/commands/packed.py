"""The report about a model that was packed."""

from pathlib import Path

from model.commands.console import Console
from model.commands.inspect_bundle import describe_engine
from model.loading import Loaded


def report_packed(loaded: Loaded, output: Path, console: Console, recipe: list[str] | None = None) -> None:
    """Print a packed model's engine, score, outputs and digest, and the lines of a Dockerfile if it needs its own."""
    manifest, score = loaded.manifest, loaded.manifest.score
    scored = f"{score.metric} {score.value:.3f} on {score.rows} held-out rows; " if score else ""
    lines = [
        f"engine: {describe_engine(manifest)}",
        f"{manifest.name} {manifest.version}: {scored}packed in {output}, MODEL_SHA256={loaded.digest}",
        f"outputs: {describe_outputs(loaded)}",
    ]
    if recipe:
        lines += ["it needs more than the image of the server has; a Dockerfile for it:", *(f"    {r}" for r in recipe)]
    document = {
        "name": manifest.name,
        "version": manifest.version,
        "digest": loaded.digest,
        "directory": str(output),
        "engine": loaded.engine.name,
        "score": {"metric": score.metric, "value": score.value, "rows": score.rows} if score else None,
        "outputs": [spec.member for spec in loaded.outputs],
        "dockerfile": recipe or None,
    }
    console.report(document, "\n".join(lines))


def describe_outputs(loaded: Loaded) -> str:
    """Return the outputs that requests can ask for, and those that only the other engine has."""
    names = [spec.member for spec in loaded.outputs]
    others = [spec.member for spec in loaded.manifest.further if spec.member not in names]
    more = f"; with ENGINE=scikit-learn, also {', '.join(others)}" if others and loaded.manifest.requires != [] else ""
    return ", ".join(names) + more
