"""The distributions, and their versions, that a bundle needs at run time beside the server."""

from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path

from model.bundle.manifest import REPACK, Manifest
from model.errors import VersionMismatch

SKLEARN = "scikit-learn"


def check_requirements(manifest: Manifest, directory: Path) -> None:
    """Refuse to build an estimator without the versions that it was made with; raises VersionMismatch.

    scikit-learn only loads files of the same version (doc: model_persistence), and other libraries promise no more.
    `directory` is the bundle's. If the manifest states nothing, it needs the scikit-learn that it was made with.
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
    """Return the distributions that the manifest's estimator needs, as `name==version`."""
    if manifest.requires is not None:
        return manifest.requires
    return [f"{SKLEARN}=={manifest.made_with.get(SKLEARN)}"]


def installed(name: str) -> str | None:
    """Return the version of a distribution, or of a variant with the same module, such as xgboost-cpu for xgboost."""
    try:
        return version(name)
    except PackageNotFoundError:
        others = packages_distributions().get(name.replace("-", "_"), [])
        return version(others[0]) if others else None
