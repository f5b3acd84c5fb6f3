"""The packages that `python -m model pack` imports, and the message about those that are not installed."""

import sys
from importlib.util import find_spec
from typing import Final

# Requirements by the name of their module; pyproject.toml has the same bounds.
ALWAYS: Final = {
    "click": "click>=8.4",
    "sklearn": "scikit-learn",
    "numpy": "numpy",
    "skops": "skops>=0.16",
    "joblib": "joblib",
    "onnx": "onnx>=1.19",
    "onnxruntime": "onnxruntime>=1.28,<1.29",
    "msgspec": "msgspec>=0.20",
}
# Only for data files, and for MLflow.
FOR_SOME: Final = {"pandas": "pandas", "yaml": "pyyaml", "pyarrow": "pyarrow"}
IMPORTED: Final = ALWAYS | FOR_SOME


def say_missing(error: ModuleNotFoundError) -> str | None:
    """Return which packages are missing and how to install them; None if the error is about another module."""
    name = str(error.name).partition(".")[0]
    if name == "model":
        return f"{error.name} is not part of this image; run the command in a checkout"
    if name not in IMPORTED:
        return None
    asked = {**ALWAYS, name: IMPORTED[name]}
    missing = [requirement for module, requirement in asked.items() if find_spec(module) is None]
    packages = " ".join(f"'{each}'" for each in missing)
    return f"{sys.executable} has no {', '.join(missing)}; install them: {sys.executable} -m pip install {packages}"
