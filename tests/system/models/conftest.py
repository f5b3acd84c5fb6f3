"""Leaves out the folders whose libraries are not installed: `make test-models` runs each where they are."""

from importlib.util import find_spec
from pathlib import Path

# What the tests of a folder import beyond the development environment.
LIBRARIES = {
    "boosting": ("xgboost", "lightgbm", "catboost", "imblearn"),
    "thirdparty": ("imblearn", "skrub", "mapie", "polars"),
}


def pytest_ignore_collect(collection_path):
    """Ignore what cannot be imported here; a run without tests fails (pytest's exit code 5)."""
    folder = collection_path.relative_to(Path(__file__).parent).parts[:1]
    missing = [name for each in folder for name in LIBRARIES.get(each, ()) if find_spec(name) is None]
    return True if missing else None
