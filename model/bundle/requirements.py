"""What a bundle needs at run time beside the server: distributions, and their versions."""

from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from model.bundle.manifest import REPACK, Manifest
from model.errors import VersionMismatch

SKLEARN = "scikit-learn"


def check_requirements(manifest: Manifest, directory: Path) -> None:
    """Refuse to build an estimator without the versions that it was made with; raises VersionMismatch.

    scikit-learn loads only what the same version wrote (doc: model_persistence), and other libraries promise no more.
    `directory` is the bundle's. A manifest that states nothing needs the scikit-learn that it was made with.
    """
    model = f"model {manifest.name} {manifest.version}"
    for each in requirements(manifest):
        name, _, made = each.partition("==")
        here = installed(name)
        if here == made:
            continue
        if name == SKLEARN:
            raise VersionMismatch(
                f"{model} was made with scikit-learn {made}, this server has {here}; in a checkout, `make serve "
                f"MODEL_DIR={directory}` serves it with {made}, and `make image BUNDLE={directory}` builds its image."
            )
        raise VersionMismatch(
            f"{model} needs {each}, this server has {here or 'none'}; install {each} where the server runs "
            f"(docs/models.md has the lines of a Dockerfile), or {REPACK} with what the server has."
        )


def requirements(manifest: Manifest) -> list[str]:
    """Return what the manifest's estimator needs, as `name==version`."""
    if manifest.requires is not None:
        return manifest.requires
    return [f"{SKLEARN}=={manifest.made_with.get(SKLEARN)}"]


def installed(name: str) -> str | None:
    """Return the version of a distribution, or of one that has its module: xgboost may come as xgboost-cpu."""
    try:
        return version(name)
    except PackageNotFoundError:
        others = packages_distributions().get(name.replace("-", "_"), [])
        return version(others[0]) if others else None
