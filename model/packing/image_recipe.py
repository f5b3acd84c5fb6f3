"""The lines of a Dockerfile that add to the server's image what a bundle needs."""

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, packages_distributions, requires, version
from typing import Final

from model.bundle.manifest import Manifest
from model.bundle.requirements import SKLEARN, requirements

# Packages that the image has, in versions that the server pins.
_THERE: Final = frozenset({SKLEARN, "joblib", "narwhals", "numpy", "scipy", "threadpoolctl"})
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
_PLACE: Final = "/usr/local/lib/python3.11/site-packages"
# LightGBM's wheel needs the system's OpenMP, which slim images lack; other wheels include it.
_OPENMP: Final = "lightgbm"


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
