"""The packages that an estimator needs when it predicts, and the lines of a Dockerfile that add them to an image."""

import re
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from typing import Any, Final

from model.bundle.manifest import Manifest
from model.bundle.requirements import SKLEARN, requirements
from model.sklearn_runtime.estimator_walk import walk

# scikit-learn, which is added separately, and packages that are there whenever it is.
_ALWAYS: Final = frozenset({"sklearn", "numpy", "scipy", "joblib", "threadpoolctl"})
# Packages that the server's image has, in versions that the server pins.
_THERE: Final = frozenset({SKLEARN, "joblib", "narwhals", "numpy", "scipy", "threadpoolctl"})
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_PLACE: Final = "/usr/local/lib/python3.11/site-packages"
# LightGBM's wheel needs the system's OpenMP, which slim images lack; other wheels include it.
_OPENMP: Final = "lightgbm"


def requirements_of(estimator: Any) -> list[str]:
    """Return the distributions that the estimator's components come from, as `name==version`, scikit-learn first.

    The operator's own code belongs to no distribution, and goes with the bundle's MODEL_CODE.
    """
    modules = {base.__module__.partition(".")[0] for part, _ in walk(estimator) for base in type(part).__mro__}
    others = modules - _ALWAYS - set(sys.stdlib_module_names)
    owners = packages_distributions() if others else {}  # this takes 0.1 s: it reads files of every distribution
    found = set()
    for module in others:
        for owner in owners.get(module, [])[:1]:
            # A variant such as xgboost-cpu has the same module as xgboost, which can replace it.
            name = module if owner.startswith(f"{module}-") else owner
            found.add(f"{name}=={version(owner)}")
    own = f"{SKLEARN}=={version(SKLEARN)}"
    return [own, *sorted(found - {own})]


def image_recipe(manifest: Manifest) -> list[str]:
    """Return the lines, none if the server's image is enough; the libraries must be installed where this runs."""
    needed = [each.partition("==")[0] for each in requirements(manifest) if not each.startswith(f"{SKLEARN}==")]
    if manifest.signature.layout == "frame" and manifest.requires != []:
        needed.append("pandas")
    if not needed:
        return []
    pinned = sorted(set(_pinned(map(_distribution, needed), set())))
    openmp = _OPENMP in needed
    gomp = "cp /usr/lib/*-linux-gnu/libgomp.so.1 /libraries/lightgbm/lib/"
    return [
        "FROM python:3.11-slim AS libraries",
        f"RUN pip install --no-deps --target /libraries {' '.join(pinned)}",
        *([f"RUN apt-get update && apt-get install -y libgomp1 && {gomp}"] if openmp else []),
        "FROM ml-service",
        f"COPY --from=libraries /libraries {_PLACE}",
        *([f"ENV LD_LIBRARY_PATH={_PLACE}/lightgbm/lib"] if openmp else []),
    ]


def _distribution(name: str) -> str:
    """Return the name of the installed distribution, which may be a variant, such as xgboost-cpu for xgboost."""
    try:
        version(name)
    except PackageNotFoundError:
        return packages_distributions()[name.replace("-", "_")][0]
    return name


def _pinned(names: Iterable[str], seen: set[str]) -> Iterator[str]:
    """Yield pins of the distributions, and of their requirements, that the image lacks."""
    for name in names:
        if name in _THERE or name in seen:
            continue
        seen.add(name)
        try:
            yield f"{name}=={version(name)}"
        except PackageNotFoundError:  # a requirement of another platform, for example
            continue
        found = (_NAME.match(each) for each in requires(name) or () if "extra ==" not in each)
        yield from _pinned((each[0].lower() for each in found if each), seen)
